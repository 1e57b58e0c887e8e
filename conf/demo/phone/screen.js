// SPDX-License-Identifier: Apache-2.0
// What the page shows of a call: display, keys, transcript.

export const byId = (id) => document.getElementById(id);

export function element(name, className, ...content) {
    const made = Object.assign(document.createElement(name), { className });
    made.append(...content);
    return made;
}

export const screen = {
    setState(text, kind = '') {
        byId('state').className = kind;
        byId('state').textContent = text;
    },

    showSaid(text) { byId('said').textContent = text && `“${text}”`; },
    showKeys(text) { byId('keyed').textContent = text; },

    // The time left, for eyes; the style sheet hides it where motion is not wanted.
    showTimer(seconds) {
        this.animation?.cancel();
        const shrink = [{ transform: 'scaleX(1)' }, { transform: 'scaleX(0)' }];
        this.animation = seconds ? byId('timer').animate(shrink, 1000 * seconds) : undefined;
    },

    flash(key) {
        const button = document.querySelector(`[data-key="${key}"]`);
        button.classList.add('pressed');
        setTimeout(() => button.classList.remove('pressed'), 150);
    },

    ivrAnswers: () => byId('answers').value !== 'own',

    // The IVR is one for Twilio.
    showWhoAnswers() {
        const ivr = this.ivrAnswers();
        if (ivr) byId('provider').value = 'twilio';
        byId('provider').disabled = ivr;
        for (const one of document.querySelectorAll('[data-for]')) one.hidden = one.dataset.for !== (ivr ? 'ivr' : 'own');
    },

    // The focus must not vanish with the button that had it; the keypad is what comes next in a call.
    inCall(yes) {
        const hadFocus = byId('phone').contains(document.activeElement) || document.activeElement === document.body;
        byId('keypad').disabled = !yes;
        byId('answers').disabled = yes;
        byId('provider').disabled = yes || this.ivrAnswers();
        byId('call').hidden = yes;
        byId('hang-up').hidden = byId('silence').hidden = !yes;
        if (hadFocus) byId(yes ? 'keypad' : 'call').focus();
    },
};

export const transcript = {
    add(who, text) { this.append(element('li', who.toLowerCase(), element('span', 'who', `${who}: `), text)); },
    note(text, kind = '') {
        this.append(element('li', `note ${kind}`, text));
        return {};
    },
    clear() { byId('transcript').firstElementChild.replaceChildren(); },

    append(line) {
        byId('transcript').firstElementChild.append(line);
        byId('transcript').scrollTop = byId('transcript').scrollHeight;
    },
};
