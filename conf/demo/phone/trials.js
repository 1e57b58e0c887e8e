// SPDX-License-Identifier: Apache-2.0
// What the module is for, to be tried: what it must refuse, and trouble of which a caller must hear.
//
// play: the calls of it, and the last sentence that was heard. results, tags: what Apache has to log of them, ENCGATHER_RESULT
// of each request and tags of the error log. why: what the module answered, and for what reason, in words.

const [CARD, PIN] = ['1234', '4321'];
const STRANGER = '0123456789abcdef0123456789abcdef';    // no auth token of this server

const FIRST = { own: '/encrypted-gather', dead: '/dead-backend', bound: '/bound' };

// The questions of one call, and the answer to the last of them; turned: what is done to the URL before that.
async function wholeCall(trial, path, turned = (url) => url) {
    const card = await trial.ask(path);
    const pin = await trial.ask(card.action, CARD);
    return trial.ask(turned(pin.action), PIN);
}

// The lowest bit of a token in hexadecimal.
function withFlippedBit(url) {
    return url.replace(/[0-9a-f]{56,}/, (token) => token.slice(0, -1) + (parseInt(token.at(-1), 16) ^ 1).toString(16));
}

export const TRIALS = {
    signature: {
        title: 'Wrong signature',
        does: 'A stranger sends what Twilio would send, signed with a token of his own.',
        play: async (trial) => (await trial.as(STRANGER).ask(FIRST.own)).said,
        results: ['forbidden'],
        tags: ['EG0301'],
        why: () => 'The module answered 403: the signature does not fit the auth token. Nobody was asked anything, and no digit was taken.',
    },
    bit: {
        title: 'Flipped bit',
        does: 'A call as usual, but on its way one bit of the sealed card number is turned over.',
        play: async (trial) => (await wholeCall(trial, FIRST.own, withFlippedBit)).said,
        results: ['asked', 'asked', 'unavailable'],
        tags: ['EG0402', 'EG0501'],
        why: (said) => `The caller heard “${said}” A token opens whole or not at all: this one was refused before the database was asked.`,
    },
    backend: {
        title: 'Dead backend',
        does: 'The backend of this call is gone: a proxy answers 503 in its place.',
        play: async (trial) => (await wholeCall(trial, FIRST.dead)).said,
        results: ['asked', 'asked', 'unavailable'],
        tags: ['EG0501'],
        why: (said) => `The caller heard “${said}” and not silence. The log says which backend failed and how, with tokens where the digits were.`,
    },
    replay: {
        title: 'Old request',
        does: 'Somebody has kept the last request of a call, sends it again, and then its token in a call of his own.',
        async play(trial) {
            await wholeCall(trial, FIRST.bound);
            const kept = trial.last;
            await trial.again(kept);
            await trial.anotherCall().ask(FIRST.bound);
            return (await trial.ask(kept.url, PIN)).said;
        },
        results: ['asked', 'asked', 'found', 'found', 'asked', 'malformed'],
        tags: ['EG0406'],
        why: () => 'Bit for bit it was answered as before: Twilio, too, delivers twice when a line breaks, and the backend can tell by the Idempotency-Key.'
            + ' In another call its token was refused with 400: it belongs to the call in which it was sealed.',
    },
};
