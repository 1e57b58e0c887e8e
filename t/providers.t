# SPDX-License-Identifier: Apache-2.0
# needs: nothing
# CI: no sanitizer
# Judges that are not ours: of each provider, thousands of random webhooks that our code signs must pass the provider's
# own package, and of the same webhooks with one change ours and the package must say the same.
#
# Takes Node.js and, once, the npm registry. ENCGATHER_SEED and ENCGATHER_REQUESTS say which requests and how many;
# ENCGATHER_OUT is where the products are, and where the packages are kept for the next run.
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Spec;
use File::Temp;
use FindBin;
use JSON::PP ();
use Test::More;

use lib "$FindBin::Bin/lib";
use EncGather::Files qw(slurp);
use EncGather::Twilio qw(what_is_missing give_up install run_node run scripts_in);

use constant {
    PROVIDERS => [qw(signalwire telnyx plivo jambonz freeclimb standardwebhooks)],
    CHANGES   => 14,
    SHOWN     => 3,
};

my $OUT   = File::Spec->rel2abs($ENV{ENCGATHER_OUT} || "$FindBin::Bin/../build/out");
my $JUDGE = "$OUT/judge/provider";
my $COUNT = $ENV{ENCGATHER_REQUESTS} || ($ENV{ENCGATHER_SANITIZER} ? 300 : $ENV{CI} ? 1000 : 5000);
my $SEED  = $ENV{ENCGATHER_SEED} // int rand 1_000_000_000;
my $work  = File::Temp->newdir;
my $json  = JSON::PP->new->utf8->canonical;

scripts_in('providers');
my $missing = what_is_missing() || install("$OUT/providers");
give_up($missing) if $missing;
note("ENCGATHER_SEED=$SEED ENCGATHER_REQUESTS=$COUNT");
compare_with_package($_) for @{ +PROVIDERS };
done_testing();

sub compare_with_package ($provider) {
    run_node('generate.js', [ $provider, $COUNT, $SEED ], output => "$work/requests");
    is ours('requests', 'headers', 'sign'), 0, "$provider: our code signs";
    run_node('compare.js', [ "$work/requests", "$work/headers", $SEED, "$work/judged" ], output => "$work/summary");
    my $summary = $json->decode(slurp("$work/summary"));
    is_deeply $summary->{refused}, [], "$provider: its package accepts all of " . $summary->{requests};
    is $summary->{requests}, $COUNT, "$provider: all of them";
    is keys %{ $summary->{changed} }, CHANGES, "$provider: every kind of change";
    note("$provider: $summary->{harmless} changes that its package takes");
    is ours('judged', 'verdicts'), 0, "$provider: our code judges";
    same_verdicts($provider);
    return;
}

sub ours ($from, $to, @arguments) {
    return run(command => [ $JUDGE, @arguments ], input => "$work/$from", output => "$work/$to");
}

sub same_verdicts ($provider) {
    my @judged   = split /\n/, slurp("$work/judged");
    my @verdicts = split /\n/, slurp("$work/verdicts");
    is @verdicts, 2 * $COUNT, "$provider: a verdict for each";
    my @differ = grep { ($json->decode($judged[$_])->{expect} eq 'valid') != ($verdicts[$_] eq 'valid') } 0 .. $#verdicts;
    ok !@differ, "$provider: the same as that of its package"
        or diag(scalar(@differ), " differ. The first:\n", map { "$verdicts[$_]: $judged[$_]\n" } splice @differ, 0, SHOWN);
    return;
}
