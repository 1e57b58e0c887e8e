// SPDX-License-Identifier: Apache-2.0
// Pseudo-random numbers that every machine repeats. Each request has a stream of its own, so that one alone can be
// made again.
'use strict';

const { createHash } = require('node:crypto');

class Random {
    constructor(seed, stream) {
        const state = createHash('sha256').update(`${seed}/${stream}`).digest();
        [this.a, this.b, this.c, this.counter] = [0, 4, 8, 12].map((at) => state.readInt32LE(at));
    }

    // sfc32: its streams do not overlap, as those of generators with a smaller state do
    next() {
        const result = (this.a + this.b + this.counter) | 0;
        this.counter = (this.counter + 1) | 0;
        this.a = this.b ^ (this.b >>> 9);
        this.b = (this.c + (this.c << 3)) | 0;
        this.c = (((this.c << 21) | (this.c >>> 11)) + result) | 0;
        return result >>> 0;
    }

    below(n) {
        return this.next() % n;
    }

    between(least, most) {
        return least + this.below(most - least + 1);
    }

    chance(probability) {
        return this.next() < probability * 0x100000000;
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    // n results of make, as a list
    times(n, make) {
        return Array.from({ length: n }, () => make(this));
    }

    shuffled(list) {
        const copy = [...list];
        for (let i = copy.length - 1; i > 0; i--) {
            const k = this.below(i + 1);
            [copy[i], copy[k]] = [copy[k], copy[i]];
        }
        return copy;
    }
}

module.exports = { Random };
