-- SPDX-License-Identifier: Apache-2.0
-- The step by nginx and LuaJIT: nginx's own HMAC for the signature, libcrypto called directly for AES-GCM, with one
-- context that is kept and nonces drawn in advance.
local ffi = require "ffi"
ffi.cdef [[
    void *EVP_CIPHER_CTX_new(void);
    void *EVP_CIPHER_fetch(void *library, const char *algorithm, const char *properties);
    int EVP_EncryptInit_ex(void *context, const void *cipher, void *engine, const char *key, const char *nonce);
    int EVP_EncryptUpdate(void *context, char *out, int *length, const char *in, int in_length);
    int EVP_EncryptFinal_ex(void *context, char *out, int *length);
    int EVP_CIPHER_CTX_ctrl(void *context, int command, int number, void *pointer);
    int RAND_bytes(char *out, int length);
]]
local crypto = ffi.load("libcrypto.so.3")
local GET_TAG, NONCE, TAG, NONCES = 0x10, 12, 16, 128

local origin, token = os.getenv("ORIGIN"), os.getenv("TOKEN")
local before, after = os.getenv("BEFORE"), os.getenv("AFTER")
local key = os.getenv("KEY"):gsub("%x%x", function(byte) return string.char(tonumber(byte, 16)) end)

local context
local cipher = crypto.EVP_CIPHER_fetch(nil, "AES-256-GCM", nil)
local nonces, used = ffi.new("char[?]", NONCE * NONCES), NONCES
local out, length = ffi.new("char[256]"), ffi.new("int[1]")
local hex = {}
for byte = 0, 255 do hex[string.char(byte)] = string.format("%02x", byte) end

-- made after nginx has forked its workers
local function keyed_context()
    local new = crypto.EVP_CIPHER_CTX_new()
    crypto.EVP_EncryptInit_ex(new, cipher, nil, key, nil)
    return new
end

local function next_nonce()
    if used == NONCES then
        crypto.RAND_bytes(nonces, NONCE * NONCES)
        used = 0
    end
    used = used + 1
    return nonces + NONCE * (used - 1)
end

local function seal(text)
    context = context or keyed_context()
    ffi.copy(out, next_nonce(), NONCE)
    crypto.EVP_EncryptInit_ex(context, nil, nil, nil, out)
    crypto.EVP_EncryptUpdate(context, out + NONCE, length, text, #text)
    crypto.EVP_EncryptFinal_ex(context, out + NONCE + #text, length)
    crypto.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG, out + NONCE + #text)
    return (ffi.string(out, NONCE + #text + TAG):gsub(".", hex))
end

local function signed_text(form)
    local names, pieces = {}, { origin, ngx.var.request_uri }
    for name in pairs(form) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
        pieces[#pieces + 1] = name
        pieces[#pieces + 1] = form[name] == true and "" or form[name]
    end
    return table.concat(pieces)
end

local function answer()
    ngx.req.read_body()
    local form = ngx.req.get_post_args(0)
    local wanted = ngx.encode_base64(ngx.hmac_sha1(token, signed_text(form)))
    if ngx.var.http_x_twilio_signature ~= wanted then
        return ngx.exit(403)
    end
    local twiml = before .. seal(form.Digits) .. after
    ngx.header["Content-Type"] = "text/xml; charset=utf-8"
    ngx.header["Content-Length"] = #twiml
    ngx.print(twiml)
end

return { answer = answer }
