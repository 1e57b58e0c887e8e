// SPDX-License-Identifier: Apache-2.0
// The runtime listens for everybody and has no option for it: with "node --require" it listens for this host alone, before
// anybody is let in.
'use strict';
const net = require('net');
const { listen } = net.Server.prototype;

net.Server.prototype.listen = function (port, ...rest) {
    return listen.call(this, port, '127.0.0.1', ...rest);
};
