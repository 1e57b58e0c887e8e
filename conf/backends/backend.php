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
// php-fpm-ivr.conf is a pool for it. The file has what EncGatherKeyFile has, and only the pool's user can read it.

$accounts = ['1234 4321' => ['account' => 'AC12345678', 'balance' => '12.55']];  // your database
preg_match_all('/^(?:[\w-]+[ \t]+)?([0-9a-f]{64})\s*$/mi', file_get_contents(getenv('ENCGATHER_KEY_FILE')), $lines);
$keys = array_map('hex2bin', $lines[1]);

// Nonce (12 bytes), ciphertext, tag (16 bytes); false for what is not a token of one of these keys.
function open_field($token, $keys) {
    $bytes = is_string($token) && preg_match('/^(?:[0-9a-f]{2}){28,}$/Di', $token) ? hex2bin($token) : '';
    $value = false;
    foreach ($bytes === '' ? [] : $keys as $key)
        if ($value === false)
            $value = openssl_decrypt(substr($bytes, 12, -16), 'aes-256-gcm', $key, OPENSSL_RAW_DATA,
                                     substr($bytes, 0, 12), substr($bytes, -16));
    return $value;
}

function answer($status, $data) {
    http_response_code($status);
    header('Content-Type: application/json');
    exit(json_encode($data));
}

if (!$keys) answer(500, ['error' => 'unavailable']);
$fields = json_decode(file_get_contents('php://input'), true);
$card = open_field($fields['encryptedCardDigits'] ?? null, $keys);
$pin = open_field($fields['encryptedPinDigits'] ?? null, $keys);
if ($card === false || $pin === false) answer(400, ['error' => 'bad token']);
if (!isset($accounts["$card $pin"])) answer(404, ['error' => 'not found']);
answer(200, $accounts["$card $pin"]);
