// SPDX-License-Identifier: Apache-2.0
// Sends the requests that generate.js wrote, byte for byte over connections that are kept, and compares the verdicts:
//
//     node send.js FILE PORT [ADDRESS]     ADDRESS: all of them there instead of each to its virtual host
//
// Prints one JSON object: how many were sent, false refusals, false acceptances, other answers, each with the first few
// in a form that a shell can repeat.
'use strict';

const { readFileSync } = require('node:fs');
const net = require('node:net');

const CLIENTS = 4;
const PATIENCE = 30000; // ms
const SHOWN = 5;
const GRANTED = 204;
const DENIED = 403;

// --- A connection -------------------------------------------------------------------------------------------

class Connection {
    constructor(port, address) {
        this.socket = net.connect(port, address);
        this.socket.setNoDelay(true);
        this.socket.setTimeout(PATIENCE, () => this.socket.destroy(new Error('no answer')));
        this.received = '';
        this.wake = () => {};
        this.socket.on('data', (data) => { this.received += data.toString('latin1'); this.wake(); });
        this.socket.on('close', () => { this.closed = true; this.wake(); });
        this.socket.on('error', (error) => { this.error = error; });
    }

    more() {
        return new Promise((resolve) => { this.wake = resolve; });
    }

    async until(isThere) {
        while (!isThere()) {
            if (this.closed)
                throw this.error || new Error('closed without an answer');
            await this.more();
        }
    }

    take(length) {
        const taken = this.received.slice(0, length);
        this.received = this.received.slice(length);
        return taken;
    }

    async line() {
        await this.until(() => this.received.includes('\r\n'));
        return this.take(this.received.indexOf('\r\n') + 2).slice(0, -2);
    }

    async skip(length) {
        await this.until(() => this.received.length >= length);
        this.take(length);
    }

    async skipChunks() {
        for (;;) {
            const size = parseInt(await this.line(), 16);
            await this.skip(size + 2);
            if (size === 0)
                return;
        }
    }

    async head() {
        const status = Number((await this.line()).split(' ')[1]);
        const headers = {};
        for (let line = await this.line(); line !== ''; line = await this.line()) {
            const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line);
            headers[name.toLowerCase()] = value;
        }
        return { status, headers };
    }

    // { status, verdict } with the body read and forgotten
    async answer() {
        const { status, headers } = await this.head();
        if (headers['transfer-encoding'])
            await this.skipChunks();
        else
            await this.skip(Number(headers['content-length'] || 0));
        if (headers.connection === 'close')
            this.socket.destroy();
        return { status, verdict: headers['x-verdict'] };
    }
}

// --- A request ----------------------------------------------------------------------------------------------

function chunksOf(body) {
    const middle = Math.ceil(body.length / 2);
    const chunks = [body.slice(0, middle), body.slice(middle)].filter((chunk) => chunk !== '');
    return chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('') + '0\r\n\r\n';
}

function lengthHeader({ method, chunked }, body) {
    if (chunked)
        return ['Transfer-Encoding: chunked'];
    return method === 'GET' && body === '' ? [] : [`Content-Length: ${body.length}`];
}

function bytesOf(request) {
    const body = Buffer.from(request.body, 'base64').toString('latin1');
    const lines = [`${request.method} ${request.target} HTTP/1.1`];
    for (let i = 0; i < request.headers.length; i += 2)
        lines.push(`${request.headers[i]}: ${request.headers[i + 1]}`);
    lines.push(...lengthHeader(request, body), '', request.chunked ? chunksOf(body) : body);
    return lines.join('\r\n');
}

// Parts that arrive alone, as from a slow network.
async function write(socket, bytes, pieces) {
    const size = Math.ceil(bytes.length / pieces);
    for (let at = 0; at < bytes.length; at += size) {
        socket.write(bytes.slice(at, at + size), 'latin1');
        if (pieces > 1)
            await new Promise((resolve) => setTimeout(resolve, 1));
    }
}

// --- All of them --------------------------------------------------------------------------------------------

function judge({ expect }, { status, verdict }) {
    if (expect === 'valid')
        return status === GRANTED && verdict === 'valid' ? 'right' : 'refused';
    if (status === GRANTED || verdict === 'valid')
        return 'accepted';
    return status === DENIED && verdict === expect ? 'right' : 'other';
}

const octal = (byte) => '\\' + byte.charCodeAt(0).toString(8).padStart(3, '0');

// For printf(1), whose octal escapes every shell knows.
function shellText(bytes) {
    return `'${bytes.replace(/%/g, '%%').replace(/[^ -~]|['\\]/g, octal)}'`;
}

function describe(request, answer, address) {
    const { n, kind, expect, url } = request;
    return { n, kind, expect, url, answer, address, command: `printf ${shellText(bytesOf(request))}` };
}

class Report {
    constructor() {
        Object.assign(this, { sent: 0, right: 0, refused: [], accepted: [], other: [], kinds: {} });
    }

    add(request, answer, address) {
        const verdict = judge(request, answer);
        this.sent++;
        this.kinds[request.kind] = (this.kinds[request.kind] || 0) + 1;
        if (verdict === 'right')
            this.right++;
        else
            this[verdict].push(describe(request, answer, address));
    }

    toJSON() {
        const counted = (list) => ({ count: list.length, first: list.slice(0, SHOWN) });
        const { refused, accepted, other, ...plain } = this;
        return { ...plain, refused: counted(refused), accepted: counted(accepted), other: counted(other) };
    }
}

class Client {
    constructor(port) {
        this.port = port;
        this.connections = {};
    }

    connection(address) {
        const kept = this.connections[address];
        if (!kept || kept.closed || kept.socket.destroyed)
            this.connections[address] = new Connection(this.port, address);
        return this.connections[address];
    }

    async exchange(request, address) {
        const connection = this.connection(address);
        try {
            await write(connection.socket, bytesOf(request), request.pieces);
            return await connection.answer();
        } catch (error) {
            connection.socket.destroy();
            return { status: 0, verdict: String(error.message) };
        }
    }

    close() {
        Object.values(this.connections).forEach(({ socket }) => socket.destroy());
    }
}

async function work(client, requests, report, instead) {
    for (let request = requests.shift(); request; request = requests.shift()) {
        const address = instead || request.address;
        report.add(request, await client.exchange(request, address), address);
    }
    client.close();
}

async function main(file, port, instead) {
    const lines = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '');
    const requests = lines.map((line) => JSON.parse(line));
    const report = new Report();
    const clients = Array.from({ length: CLIENTS }, () => new Client(port));
    await Promise.all(clients.map((client) => work(client, requests, report, instead)));
    process.stdout.write(JSON.stringify(report) + '\n');
}

main(...process.argv.slice(2));
