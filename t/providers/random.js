// SPDX-License-Identifier: Apache-2.0
// Numbers that a seed decides (mulberry32), and what is made of them.
'use strict';

class Random {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    number(below) {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let t = this.state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) % below;
    }

    chance(oneIn) {
        return this.number(oneIn) === 0;
    }

    pick(list) {
        return list[this.number(list.length)];
    }

    text(alphabet, least, most) {
        let text = '';
        for (let n = least + this.number(most - least + 1); n > 0; n--)
            text += this.pick(alphabet);
        return text;
    }
}

module.exports = { Random };
