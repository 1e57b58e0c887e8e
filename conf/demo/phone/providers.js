// SPDX-License-Identifier: Apache-2.0
// Who calls: how each provider signs, what it sends, and what its verbs are called. Telnyx is not here: it signs with a
// private key, which encgather-call does.

const utf8 = new TextEncoder();

async function mac(hash, token, text) {
    const algorithm = { name: 'HMAC', hash };
    const key = await crypto.subtle.importKey('raw', utf8.encode(token), algorithm, false, ['sign']);
    const bytes = await crypto.subtle.sign('HMAC', key, utf8.encode(text));
    return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

export function sorted(form) {
    return [...form].sort(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0));
}

function randomHex(length) {
    const bytes = crypto.getRandomValues(new Uint8Array(length / 2));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const [FROM, TO] = ['+15551234567', '+15558675310'];

// One has a letter outside ASCII and some are empty, as real ones are.
function parametersOfTwilio({ id, status }) {
    const place = { City: 'COLOGNE', Country: 'DE', State: 'Köln', Zip: '' };
    const party = (who, number) => [[who, number], ...Object.entries(place).map(([name, value]) => [who + name, value])];
    return [
        ['AccountSid', `AC${'0'.repeat(32)}`], ['ApiVersion', '2010-04-01'], ['CallSid', id],
        ['CallStatus', status], ['Direction', 'inbound'],
        ...party('From', FROM), ...party('Caller', FROM), ['To', TO], ['Called', TO],
    ];
}

// The URL, then name and value of each parameter in the order of the names, under HMAC-SHA1.
function signedAsTwilio(token, url, form) {
    return mac('SHA-1', token, url + sorted(form).flat().join(''));
}

// Each query parameter decoded and in order, the form likewise, and a nonce; under HMAC-SHA256.
async function headersOfPlivo(token, url, form) {
    const nonce = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    const [path] = url.split('?');
    const query = sorted(new URL(url).searchParams).map((pair) => pair.join('=')).join('&');
    const body = sorted(form).flat().join('');
    const signed = [path, query || body ? '?' : '', query, query && body ? '.' : '', body, '.', nonce].join('');
    return { 'X-Plivo-Signature-V3': await mac('SHA-256', token, signed), 'X-Plivo-Signature-V3-Nonce': nonce };
}

// call: the parameter that names the call. id: a new one. parameters: of every webhook. headers: of the signature, over
// the URL that is called and the form of a POST. result: what an answer adds. verbs: its words for Twilio's, all of them.
export const PROVIDERS = {
    twilio: {
        title: 'Twilio',
        call: 'CallSid',
        id: () => `CA${randomHex(32)}`,
        parameters: parametersOfTwilio,
        headers: async (token, url, form) => ({ 'X-Twilio-Signature': await signedAsTwilio(token, url, form) }),
        result: (digits, finishedOn) => [['Digits', digits], ['FinishedOnKey', finishedOn], ['msg', 'Gather End']],
    },
    signalwire: {
        title: 'SignalWire',
        call: 'CallSid',
        id: () => crypto.randomUUID(),
        parameters: ({ id, status }) => [['AccountSid', crypto.randomUUID()], ['ApiVersion', '2010-04-01'], ['CallSid', id],
            ['CallStatus', status], ['Direction', 'inbound'], ['From', FROM], ['To', TO]],
        headers: async (token, url, form) => ({ 'X-SignalWire-Signature': await signedAsTwilio(token, url, form) }),
        result: (digits) => [['Digits', digits]],
    },
    plivo: {
        title: 'Plivo',
        call: 'CallUUID',
        id: () => crypto.randomUUID(),
        parameters: ({ id, status }) => [['BillRate', '0.0085'], ['CallStatus', status], ['CallUUID', id],
            ['Direction', 'inbound'], ['From', FROM.slice(1)], ['RequestUUID', id], ['To', TO.slice(1)]],
        headers: headersOfPlivo,
        result: (digits) => [['Digits', digits], ['InputType', 'dtmf']],
        verbs: { GetInput: 'Gather', Speak: 'Say', Wait: 'Pause', Play: 'Play', Redirect: 'Redirect', Hangup: 'Hangup' },
    },
};
