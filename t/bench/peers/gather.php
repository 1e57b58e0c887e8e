<?php
// SPDX-License-Identifier: Apache-2.0
// The step by PHP: its own form parser, hash and openssl extensions.
$values = $_POST;
ksort($values, SORT_STRING);
$text = getenv('ORIGIN') . $_SERVER['REQUEST_URI'];
foreach ($values as $name => $value) {
    $text .= $name . $value;
}
$wanted = base64_encode(hash_hmac('sha1', $text, getenv('TOKEN'), true));
if (!hash_equals($wanted, $_SERVER['HTTP_X_TWILIO_SIGNATURE'] ?? '')) {
    http_response_code(403);
    header('Content-Length: 0');
    exit;
}
$nonce = random_bytes(12);
$sealed = openssl_encrypt($values['Digits'], 'aes-256-gcm', hex2bin(getenv('KEY')), OPENSSL_RAW_DATA, $nonce, $tag);
$twiml = getenv('BEFORE') . bin2hex($nonce . $sealed . $tag) . getenv('AFTER');
header('Content-Type: text/xml; charset=utf-8');
header('Content-Length: ' . strlen($twiml));
echo $twiml;
