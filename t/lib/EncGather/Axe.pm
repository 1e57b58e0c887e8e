# SPDX-License-Identifier: Apache-2.0
# axe-core, run in the page that a browser shows: what it finds there that shuts somebody out.
package EncGather::Axe;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Exporter 'import';
use JSON::PP ();

use EncGather::Files qw(slurp);
use EncGather::Twilio ();

our @EXPORT_OK = qw(axe_is_missing axe_findings);

my $source;    # the file

# The reason why it cannot be had, or ''. It is installed once for each version, with what is kept for the next run.
sub axe_is_missing ($out) {
    local $ENV{NODE_PATH};    # what others run with node have their own
    EncGather::Twilio::scripts_in('axe');
    my $why = EncGather::Twilio::what_is_missing() || EncGather::Twilio::install("$out/axe");
    EncGather::Twilio::scripts_in('twilio');
    $source = "$out/axe/node_modules/axe-core/axe.min.js";
    return $why;
}

# A line for each thing found, rules of WCAG 2.2 and good practice both; none: nothing to say. What axe cannot decide by itself,
# such as text on a picture, is no finding.
sub axe_findings ($browser) {
    croak 'axe_is_missing() comes first' if !$source;
    _evaluate($browser, slurp($source) . ';0');
    return @{ _evaluate($browser, <<'JS') };
axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 120)} (${node.any.concat(node.all, node.none).map((one) => one.message).join('; ').slice(0, 200)})`)))
JS
}

# Not bound by the page's Content-Security-Policy, and waits for promises.
sub _evaluate ($browser, $expression) {
    my $said = $browser->devtools('Runtime.evaluate', expression => $expression, awaitPromise => JSON::PP::true, returnByValue => JSON::PP::true);
    croak 'axe: ' . ($said->{exceptionDetails}{exception}{description} // $said->{exceptionDetails}{text}) if $said->{exceptionDetails};
    return $said->{result}{value};
}

1;
