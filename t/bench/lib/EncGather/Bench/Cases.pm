# SPDX-License-Identifier: Apache-2.0
# What is counted: the cases of t/bench/instr, the servers that they are asked of, and what is configured there.
package EncGather::Bench::Cases;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter 'import';
use JSON::PP qw(encode_json);

use EncGather::Bench::Apache qw(gather_location lookup_location shield_location null_location write_secret);
use EncGather::Bench::Providers qw(PROVIDERS GUARDS secret_of);
use EncGather::Bench::Sealed qw(sealing_locations);
use EncGather::Bench::Webhooks qw(ORIGIN seal);

our @EXPORT_OK = qw(cases has_module server write_secrets provider_location guard_location reveal_location emptied);

use constant { NULL => 365, STORE => 'EncGatherStateCache shm(16777216)' };    # bytes: as many as the TwiML of a step

# In the order of the table. name, server, says (in words); what is asked: path, query, digits, json, provider, method,
# wrong (signed so, 403 is right), fresh (tokens that nobody has sent before); expect: what the answer must have in it;
# bad: digits or json that must be refused with 400; follows: the query is that of the action which the first prompt has;
# heavy: few requests will do; light: many are needed; seldom: a function of what is done once a second at most, which no request is charged with
sub cases () {
    my @step   = (query => 'step=getPin', expect => 'encryptedCardDigits=');
    my $tokens = 'encryptedCardDigits=' . seal('1234');
    my @last   = (query => "step=processData&$tokens", digits => '4321', expect => 'AC12345678');
    my ($card, $pin) = (seal('1234'), seal('4321'));
    return (
        _case('null-walkless', plain => '/null-walkless', 'a null handler, no file system walk', query => 'step=getPin'),
        _case('null', plain => '/null', 'a null handler, httpd without the module', query => 'step=getPin'),
        _case('null-sections', sections => '/null', 'the null handler, as many <Location>s as with the module', query => 'step=getPin'),
        _case('null-unused', unused => '/null', 'the null handler, module loaded and used nowhere', query => 'step=getPin'),
        _case('null-loaded', ours => '/null', 'the null handler, module loaded and used elsewhere', query => 'step=getPin'),
        _case('first', ours => '/encrypted-gather', 'the first prompt', expect => 'step=getPin'),
        _case('getPin', ours => '/encrypted-gather', 'a gather step: signature, one token', @step),
        _case('last', ours => '/encrypted-gather', 'the last step, decrypt-gather with SQLite in process', @last),
        _case('decrypt', ours => '/decrypt-gather', 'decrypt-gather with SQLite alone', expect => 'AC12345678',
            json => encode_json({ encryptedCardDigits => $card, encryptedPinDigits => $pin })),
        _case('wrong', ours => '/encrypted-gather', 'a gather step with a wrong signature (403)', query => 'step=getPin', wrong => 1, seldom => 'eg_doctor_advise'),
        _case('jwe-dir', ours => '/jwe-dir', 'a gather step whose token is jwe under the key file', query => 'step=getPin', expect => 'encryptedCardDigits=ey'),
        _case('jwe-p256', ours => '/jwe-p256', 'a gather step whose token is sealed to a P-256 key', heavy => 1, query => 'step=getPin', expect => 'encryptedCardDigits=ey'),
        _case('proxied', proxy => '/proxied', 'a webhook through plain ProxyPass, httpd without the module', query => 'step=getPin'),
        _case('shield', shield => '/shielded', 'the same, one value shielded, signed anew', query => 'step=getPin'),
        _case('reveal-form', reveal => '/revealed', 'a form on its way to an application, one token opened', digits => $card, bad => { digits => _changed($card) }),
        _case('reveal-json', reveal => '/revealed', 'JSON on its way to an application, two tokens opened', _charge($card, $pin), bad => { _charge($card, _changed($pin)) }),
        _case('often', roads => '/often', 'decrypt-gather of two jwe tokens', fresh => 1, expect => 'AC12345678'),
        _case('once', roads => '/once', 'the same, single use in memory', fresh => 1, expect => 'AC12345678'),
        _case('lockout-first', roads => '/lockout', 'the first prompt with lockout on', expect => 'step=getPin'),
        _case('lockout-last', roads => '/lockout', 'the last step with lockout on', @last),
        (map { _case($_, roads => "/$_", "a gather step of $_", @step, provider => $_, $_ eq 'telnyx' ? (follows => 1, call => 0, heavy => 1) : ()) } @{ +PROVIDERS }),
        _case('guarded', roads => '/guarded', 'the null handler behind Require twilio-signature', query => 'step=getPin'),
        (map { _case($_, roads => "/guarded-$_", "the null handler behind Require webhook-signature, $_", query => 'step=getPin', provider => $_) } @{ +GUARDS }),
        _case('status', roads => '/encgather-status', 'the status page, scraped', heavy => 1, method => 'GET', query => 'format=prometheus', expect => 'encgather_'),
    );
}

sub _case ($name, $server, $path, $says, %how) {
    return { name => $name, server => $server, path => $path, says => $says, light => ($name =~ /^null/ ? 1 : 0), %how };
}

sub _changed ($token) { return $token =~ s/(.)\z/$1 eq '0' ? '1' : '0'/er }

sub _charge ($card, $pin) {
    return (json => '{"amount":1255,"currency":"usd","source":{"card":{"number":"' . $card . '","cvc":"' . $pin . '"}},"capture":true}');
}

# --- Servers ------------------------------------------------------------------------------------------------

my %NEEDS = (proxy => [qw(proxy proxy_http)], shield => [qw(proxy proxy_http)], reveal => [qw(proxy proxy_http)], ours => ['dbd'], roads => ['dbd']);

sub has_module ($name) { return $name !~ /^(?:plain|sections|proxy)\z/ }

# { modules, pieces: lines of the configuration, each of which stands alone }. secrets: the directory of keys and the database;
# application: a URL, for those who hand on
sub server ($name, $secrets, $application) {
    my @null  = (null_location('/null', NULL), null_location('/null-walkless', NULL, 'BenchNullWalk off'));
    my %piece = (
        plain    => sub { @null },
        unused   => sub { @null },
        ours     => sub { (@null, _calls($secrets)) },
        sections => sub { (@null, grep { length } map { emptied($_) } _calls($secrets)) },
        proxy    => sub { qq(ProxyPass "/proxied" "$application"\n) },
        shield   => sub { shield_location('/shielded', $application, 'Digits', $secrets) },
        reveal   => sub { reveal_location('/revealed', $application, $secrets) },
        roads    => sub { _roads($secrets) },
    );
    return { modules => $NEEDS{$name} || [], pieces => [ $piece{$name}->() ] };
}

# httpd looks at each of them for each request, whatever is in it.
sub emptied ($conf) {
    return join '', map { "$_\nSetHandler none\n</Location>\n" } $conf =~ /^<Location .*>$/mg;
}

sub _sqlite ($secrets) { return qq(DBDriver sqlite3\nDBDParams "$secrets/accounts.db"\n) }

sub _calls ($secrets) {
    return (gather_location('/encrypted-gather', '/decrypt-gather', $secrets), sealing_locations('/decrypt-gather', $secrets),
        lookup_location('/decrypt-gather', $secrets), _sqlite($secrets));
}

sub _roads ($secrets) {
    my @jwe = (qq(EncGatherKeyFile "$secrets/ring"), 'EncGatherTokenFormat jwe');
    return (
        STORE . "\n", _sqlite($secrets), lookup_location('/decrypt-gather', $secrets),
        lookup_location('/often', $secrets, @jwe),
        lookup_location('/once', $secrets, @jwe, 'EncGatherSingleUse on'),
        gather_location('/lockout', '/decrypt-gather', $secrets, 'EncGatherLockout 5 900 by=From'),
        (map { provider_location("/$_", '/decrypt-gather', $_, $secrets) } @{ +PROVIDERS }),
        guard_location('/guarded', 'twilio', NULL, $secrets),
        (map { guard_location("/guarded-$_", $_, NULL, $secrets) } @{ +GUARDS }),
        qq(<Location "/encgather-status">\nSetHandler encgather-status\n</Location>\n),
    );
}

# Where secret_of() is in a file for each provider.
sub write_secrets ($secrets) {
    write_secret("$secrets/secret-$_", secret_of($_)) for @{ +PROVIDERS }, @{ +GUARDS };
    return;
}

sub provider_location ($path, $backend, $provider, $secrets) {
    return gather_location($path, $backend, $secrets, "EncGatherProvider $provider", qq(EncGatherAuthTokenFile "$secrets/secret-$provider"));
}

# The null handler, which comes to work for those alone who sign.
sub guard_location ($path, $provider, $bytes, $secrets) {
    my @who = $provider eq 'twilio' ? (qq(EncGatherAuthTokenFile "$secrets/token"), 'Require twilio-signature')
        : ("EncGatherProvider $provider", qq(EncGatherAuthTokenFile "$secrets/secret-$provider"), 'Require webhook-signature');
    return null_location($path, $bytes, 'EncGatherPublicURL ' . ORIGIN, @who);
}

sub reveal_location ($path, $application, $secrets) {
    return join "\n", qq(<Location "$path">), qq(ProxyPass "$application"), 'EncGatherReveal Digits /source/card/number /source/card/cvc', 'EncGatherExpose on',
        qq(EncGatherKeyFile "$secrets/key"), "</Location>\n";
}

1;
