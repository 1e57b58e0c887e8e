// SPDX-License-Identifier: Apache-2.0
// What each provider's own package says of a request. It reads the clock; "now" stands still for it.
'use strict';

const querystring = require('querystring');

function header(request, name) {
    const found = Object.keys(request.headers).find((known) => known.toLowerCase() === name.toLowerCase());
    return found === undefined ? undefined : request.headers[found];
}

async function at(now, judge) {
    const clock = Date.now;
    Date.now = () => now * 1000;
    try {
        return await judge();
    } catch (error) {
        return false;
    } finally {
        Date.now = clock;
    }
}

const isForm = (request) => header(request, 'Content-Type').startsWith('application/x-www-form-urlencoded');

const judges = {
    signalwire(request) {
        const { RestClient } = require('@signalwire/compatibility-api');
        const { WebAPI } = require('@signalwire/node');
        const signature = header(request, 'X-SignalWire-Signature');
        if (signature.length === 40)
            return WebAPI.validateRequest(request.secret, signature, request.url, request.body);
        if (!isForm(request))
            return false;
        return RestClient.validateRequest(request.secret, signature, request.url,
            querystring.parse(request.body, '&', '=', { maxKeys: 0 }), true);
    },

    async telnyx(request) {
        const { TelnyxWebhook } = require('telnyx/lib/webhooks');
        await new TelnyxWebhook(request.secret).verify(request.body, request.headers);
        return true;
    },

    plivo(request) {
        const plivo = require('plivo');
        return plivo.validateV3Signature(request.method, request.url, header(request, 'X-Plivo-Signature-V3-Nonce'), request.secret,
            header(request, 'X-Plivo-Signature-V3'), querystring.parse(request.body, '&', '=', { maxKeys: 0 }));
    },

    jambonz(request) {
        const { WebhookResponse } = require('@jambonz/sdk');
        const asked = { headers: { 'jambonz-signature': header(request, 'Jambonz-Signature') }, body: request.body };
        let passed = false;
        WebhookResponse.verifySignature(request.secret)(asked, {}, (error) => { passed = !error; });
        return passed;
    },

    standardwebhooks(request) {
        const { Webhook } = require('standardwebhooks');
        new Webhook(request.secret).verify(request.body, request.headers, { jsonParse: false });
        return true;
    },

    freeclimb(request) {
        const { verifyRequest } = require('@freeclimb/sdk/src/utils');
        verifyRequest(request.body, header(request, 'FreeClimb-Signature'), request.secret);
        return true;
    },
};

module.exports = { verdict: (request) => at(request.now, () => judges[request.provider](request)) };
