// SPDX-License-Identifier: Apache-2.0
// Waiting that can be ended.

export function aborted(signal) {
    return new Promise((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener('abort', resolve, { once: true });
    });
}

// For so long, or until the signal comes.
export function sleep(milliseconds, signal) {
    return new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        if (signal) aborted(signal).then(() => { clearTimeout(timer); resolve(); });
    });
}
