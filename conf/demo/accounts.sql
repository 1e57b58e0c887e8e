-- SPDX-License-Identifier: Apache-2.0
-- The database of the demo (SQLite): one account.
--
-- A real table would hold no PIN and no card number in clear. It would hold the keyed blind index
-- of both, which "EncGatherLookup ... hmac:encryptedCardDigits,encryptedPinDigits" asks for in
-- place of the two plain values: who steals the table without the key can then not try all ten
-- thousand PINs.

CREATE TABLE accounts (
    card    TEXT NOT NULL,
    pin     TEXT NOT NULL,
    account TEXT NOT NULL,
    balance TEXT NOT NULL,  -- as text, so that 12.50 is spoken as 12.50
    PRIMARY KEY (card, pin)
);

INSERT INTO accounts (card, pin, account, balance) VALUES ('1234', '4321', 'AC12345678', '12.55');
