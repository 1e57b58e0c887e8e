// SPDX-License-Identifier: Apache-2.0
// Holds a dashboard against the types that Grafana's makers publish: a member that is missing, misspelt or of another type is told, with
// the panel that has it. Options and fields of a panel are held against those of its own kind, queries against those of Prometheus.
// Before that it plants such faults, to show that it sees them.
//
//     node t/grafana/judge.js DIRECTORY DASHBOARD.json        DIRECTORY has the node_modules
'use strict';

const { readFileSync } = require('node:fs');
const { join, resolve } = require('node:path');

const directory = resolve(process.argv[2]);
const ts = require(join(directory, 'node_modules/typescript'));

const SDK = '@grafana/grafana-foundation-sdk';
// what the cells of each kind of panel may have; those of a stat have nothing of their own
const CELLS = { stat: '{}', timeseries: 'timeseries.FieldConfig', table: 'table.FieldConfig' };
// JSON has the values of an enum, not its names; what an object of the library has besides its data is not in JSON
const HEAD = `
import * as board from '${SDK}/dashboard';
import * as prometheus from '${SDK}/prometheus';
import * as stat from '${SDK}/stat';
import * as table from '${SDK}/table';
import * as timeseries from '${SDK}/timeseries';
type Plain<T> = 0 extends 1 & T ? any
    : T extends string ? \`\${T}\`
    : T extends boolean | null | undefined ? T
    : T extends number ? (number extends T ? number : \`\${T}\` extends \`\${infer N extends number}\` ? N : never)
    : T extends (infer U)[] ? Plain<U>[]
    : T extends object ? { [K in keyof T as K extends \`_implements\${string}\` ? never : K]: Plain<T[K]> } : T;
type Cells<C> = Omit<board.FieldConfigSource, 'defaults'> & { defaults: Omit<board.FieldConfig, 'custom'> & { custom?: Partial<C> } };
type Panel<O, C> = Plain<Omit<board.Panel, 'options' | 'fieldConfig' | 'targets'>
    & { options?: Partial<O>, fieldConfig?: Cells<C>, targets?: prometheus.Dataquery[] }>;
`;

const withoutParts = (dashboard) => ({ ...dashboard, panels: [], templating: { ...dashboard.templating, list: [] } });

// [ what it is called, its type, its value ] of each part, each small enough for an error to say where
function parts(dashboard) {
    const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels || [])]);
    return [
        ['the dashboard', 'Plain<board.Dashboard>', withoutParts(dashboard)],
        ...dashboard.templating.list.map((one) => [`the variable ${one.name}`, 'Plain<board.VariableModel>', one]),
        ...panels.map((panel) => [`"${panel.title}"`, ...typed(panel)]),
    ];
}

function typed(panel) {
    if (panel.type === 'row')
        return ['Plain<board.RowPanel>', { ...panel, panels: [] }];
    if (!CELLS[panel.type])
        throw new Error(`no types are known of a panel of the kind ${panel.type}: add it to CELLS`);
    return [`Panel<${panel.type}.Options, ${CELLS[panel.type]}>`, panel];
}

// Lines of complaint.
function judge(dashboard) {
    const all = parts(dashboard);
    const program = compile(HEAD + all.map(([, type, value], n) => `const part${n}: ${type} = ${JSON.stringify(value)};`).join('\n'));
    const before = HEAD.split('\n').length - 1;
    return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
        const line = file ? file.getLineAndCharacterOfPosition(start).line - before : -1;
        return `${all[line] ? all[line][0] : 'the types'}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
}

function compile(text) {
    const options = { strict: true, noEmit: true, module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16,
        target: ts.ScriptTarget.ES2022, skipLibCheck: true, types: [] };
    const host = ts.createCompilerHost(options);
    const path = join(directory, 'dashboard.ts');
    const { getSourceFile, fileExists, readFile } = host;
    host.getSourceFile = (name, ...rest) => name === path ? ts.createSourceFile(name, text, options.target) : getSourceFile(name, ...rest);
    host.fileExists = (name) => name === path || fileExists(name);
    host.readFile = (name) => name === path ? text : readFile(name);
    return ts.createProgram([path], options, host);
}

// Of the dashboard itself, each with one fault: all have to be complained of.
const FAULTS = {
    'a member that nobody knows': (dashboard) => { dashboard.panels[0].gridPosition = {}; },
    'a value that is none': (dashboard) => { firstOf(dashboard, 'stat').options.graphMode = 'graph'; },
    'a query with a misspelt member': (dashboard) => { firstOf(dashboard, 'timeseries').targets[0].legend = 'x'; },
    'a cell with a misspelt member': (dashboard) => { firstOf(dashboard, 'timeseries').fieldConfig.defaults.custom.fill = 1; },
    'a variable without a type': (dashboard) => { delete dashboard.templating.list[0].type; },
    'a number as text': (dashboard) => { dashboard.schemaVersion = '36'; },
};

const firstOf = (dashboard, type) => dashboard.panels.flatMap((panel) => [panel, ...(panel.panels || [])]).find((panel) => panel.type === type);

const source = readFileSync(process.argv[3], 'utf8');
const found = judge(JSON.parse(source));
const faulty = structuredClone(JSON.parse(source));
Object.values(FAULTS).forEach((plant) => plant(faulty));
const planted = judge(faulty).length - found.length;
found.forEach((line) => console.log(line));
console.log(`${parts(JSON.parse(source)).length} parts of the dashboard, ${found.length} complaints; of ${Object.keys(FAULTS).length} planted faults ${planted} seen`);
process.exit(found.length || planted < Object.keys(FAULTS).length ? 1 : 0);
