<?php
// SPDX-License-Identifier: Apache-2.0
// Opens jwe tokens by PHP's own openssl extension, for Debian has no JOSE package for PHP; and by phpseclib 3 (Debian:
// php-phpseclib3) where there is an RSA key, because before PHP 8.5 the extension does OAEP with SHA-1 alone. Requests as the
// module sends them, a JSON object a line, to what callers keyed in.
//
//     php tokens.php bank-2026=/etc/ivr/bank-2026.key k1=/etc/ivr/k1.key <requests
//
// A key is kid=FILE: a private key (PKCS#8; P-256, X25519, RSA), or the 64 hexadecimal digits of a key in EncGatherKeyFile.
// open_call() is what a backend needs; nobody else looks at form, kid, alg, fld, sid and iat.

const FIELDS = ['encryptedCardDigits', 'encryptedPinDigits'];
const TTL = 900, AHEAD = 60;  // seconds
const P256 = '3059301306072a8648ce3d020106082a8648ce3d030107034200';  // what stands in front of a public key in DER
const X25519 = '302a300506032b656e032100';

function demand($good) {
    if (!$good) throw new Exception('bad token');
}

function read_key($path) {
    $text = trim(file_get_contents($path));
    if (preg_match('/^[0-9a-f]{64}$/Di', $text)) return ['alg' => 'dir', 'key' => hex2bin($text)];
    $key = openssl_pkey_get_private($text) ?: exit("$path: no private key\n");
    $details = openssl_pkey_get_details($key);
    if ($details['type'] === OPENSSL_KEYTYPE_RSA) return ['alg' => 'RSA-OAEP-256', 'key' => rsa_key($text)];
    $curve = $details['ec']['curve_name'] ?? '';
    return ['alg' => 'ECDH-ES', 'key' => $key, 'crv' => $curve === 'prime256v1' ? 'P-256' : 'X25519'];
}

function rsa_key($text) {
    require_once 'phpseclib3/autoload.php';
    $key = phpseclib3\Crypt\RSA::load($text);
    return $key->withPadding($key::ENCRYPTION_OAEP)->withHash('sha256')->withMGFHash('sha256');
}

// A wrong padding is told from a wrong tag by nobody: another key goes on.
function unwrapped_key($of, $wrapped) {
    $other = random_bytes(32);
    try {
        $key = $of['key']->decrypt($wrapped);
    } catch (Throwable $failed) {
        $key = '';
    }
    return strlen($key) === 32 ? $key : $other;
}

// The one spelling of these bytes, no other.
function bytes_of($text) {
    demand(is_string($text));
    $bytes = base64_decode(strtr($text, '-_', '+/'), true);
    demand($bytes !== false && rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=') === $text);
    return $bytes;
}

// RFC 7518, 4.6, with one round of SHA-256: what is agreed on becomes the key for A256GCM.
function agreed_key($of, $epk) {
    demand(($epk->crv ?? '') === $of['crv'] && ($epk->kty ?? '') === ($of['crv'] === 'P-256' ? 'EC' : 'OKP'));
    $point = bytes_of($epk->x ?? null);
    demand(strlen($point) === 32);
    if ($of['crv'] === 'P-256') $point = "\x04$point" . bytes_of($epk->y ?? null);
    $der = hex2bin($of['crv'] === 'P-256' ? P256 : X25519) . $point;
    $public = openssl_pkey_get_public("-----BEGIN PUBLIC KEY-----\n" . base64_encode($der) . "\n-----END PUBLIC KEY-----\n");
    demand($public);  // OpenSSL takes no point that is not on the curve
    $secret = openssl_pkey_derive($public, $of['key']);
    demand(is_string($secret) && strlen($secret) === 32);
    return hash('sha256', pack('N', 1) . $secret . pack('N', 7) . 'A256GCM' . pack('NNN', 0, 0, 256), true);
}

function open_field($token, $name, $keys) {
    demand(is_string($token) && strlen($token) <= 8192 && count($parts = explode('.', $token)) === 5);
    $header = json_decode(bytes_of($parts[0]));
    demand(is_object($header) && is_string($header->kid ?? null) && isset($keys[$header->kid]));
    $of = $keys[$header->kid];
    demand(($header->alg ?? '') === $of['alg'] && ($header->enc ?? '') === 'A256GCM');
    foreach (['zip', 'crit', 'apu', 'apv'] as $member) demand(!property_exists($header, $member));
    [$wrapped, $nonce, $sealed, $tag] = array_map('bytes_of', array_slice($parts, 1));
    demand($of['alg'] === 'RSA-OAEP-256' || $wrapped === '');
    $key = match ($of['alg']) {
        'dir' => $of['key'],
        'ECDH-ES' => agreed_key($of, $header->epk ?? null),
        'RSA-OAEP-256' => unwrapped_key($of, $wrapped),
    };
    demand(strlen($nonce) === 12 && strlen($tag) === 16);  // OpenSSL would take a shorter tag
    $value = openssl_decrypt($sealed, 'aes-256-gcm', $key, OPENSSL_RAW_DATA, $nonce, $tag, $parts[0]);
    demand($value !== false && ($header->fld ?? null) === $name && is_string($header->sid ?? null) && is_int($header->iat ?? null));
    demand(time() - $header->iat <= TTL && $header->iat - time() <= AHEAD);
    return [$value, $header->sid];
}

// All tokens have to be of one call: that of CallSid, where EncGatherForward sends it.
function open_call($request, $keys) {
    demand(is_array($request));
    $call = $request['CallSid'] ?? null;
    foreach (FIELDS as $name) {
        [$opened[$name], $sid] = open_field($request[$name] ?? null, $name, $keys);
        $call ??= $sid;
        demand($sid === $call);
    }
    return $opened;
}

foreach (array_slice($argv, 1) as $word) {
    [$kid, $path] = explode('=', $word, 2);
    $keys[$kid] = read_key($path);
}
while (($line = fgets(STDIN)) !== false) {
    try {
        echo json_encode(open_call(json_decode($line, true), $keys)), "\n";
    } catch (Throwable $refused) {
        echo json_encode(['error' => 'bad token']), "\n";
    }
}
