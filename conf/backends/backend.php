<?php
// SPDX-License-Identifier: Apache-2.0
// A backend in PHP, behind PHP-FPM: opens the two fields, looks the caller up, answers JSON.
//
//     EncGatherBackend /ivr-backend
//     ProxyPass "/ivr-backend" "unix:/run/php/ivr.sock|fcgi://ivr-php/usr/local/lib/ivr/backend.php"
//     <Location "/ivr-backend">
//         Require expr "%{IS_SUBREQ} == 'true'"
//     </Location>
//
// php-fpm-ivr.conf is a pool for it. The key is that of EncGatherKeyFile, in a file that only the pool's user can read.

$accounts = ['1234 4321' => ['account' => 'AC12345678', 'balance' => '12.55']];  // your database
$key = hex2bin(preg_replace('/\s+/', '', file_get_contents(getenv('ENCGATHER_KEY_FILE'))));

// Nonce (12 bytes), ciphertext, tag (16 bytes); false for what is not a token of this key.
function open_field($token, $key) {
    $bytes = is_string($token) && preg_match('/^(?:[0-9a-f]{2}){28,}$/Di', $token) ? hex2bin($token) : '';
    return $bytes === '' ? false : openssl_decrypt(substr($bytes, 12, -16), 'aes-256-gcm', $key, OPENSSL_RAW_DATA,
                                                   substr($bytes, 0, 12), substr($bytes, -16));
}

function answer($status, $data) {
    http_response_code($status);
    header('Content-Type: application/json');
    exit(json_encode($data));
}

if (strlen($key) !== 32) answer(500, ['error' => 'unavailable']);  // OpenSSL would take a key that is too short
$fields = json_decode(file_get_contents('php://input'), true);
$card = open_field($fields['encryptedCardDigits'] ?? null, $key);
$pin = open_field($fields['encryptedPinDigits'] ?? null, $key);
if ($card === false || $pin === false) answer(400, ['error' => 'bad token']);
if (!isset($accounts["$card $pin"])) answer(404, ['error' => 'not found']);
answer(200, $accounts["$card $pin"]);
