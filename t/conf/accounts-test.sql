-- SPDX-License-Identifier: Apache-2.0
-- What the tests need besides the demo's account: numbers that begin with a zero, several rows for one caller, NULL,
-- other types and names.

INSERT INTO accounts VALUES ('0417', '0932', 'AC00998877', '1049.90');
INSERT INTO accounts VALUES ('0418', '0932', 'A&B <Söhne> "x"', '0');

CREATE TABLE twins (card TEXT, pin TEXT, account TEXT, balance TEXT);
INSERT INTO twins VALUES ('0417', '0932', 'AC1', '1.00');
INSERT INTO twins VALUES ('0417', '0932', 'AC2', '2.00');
INSERT INTO twins VALUES ('0418', '0932', 'AC3', NULL);

CREATE TABLE typed (card TEXT, whole INTEGER, part REAL, "two words" TEXT, quoted TEXT);
INSERT INTO typed VALUES ('0417', 42, 0.5, 'x', 'say "hi" \ & <b>' || char(10) || 'é');
