# SPDX-License-Identifier: Apache-2.0
# Waiting for what another process does: as long as it takes, up to a limit.
package EncGather::Wait;
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Exporter qw(import);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(wait_until);

# True as soon as the condition is; false when it is not within these seconds.
sub wait_until ($seconds, $condition) {
    my $end = time + $seconds;
    until ($condition->()) {
        return 0 if time > $end;
        sleep 0.02;
    }
    return 1;
}

1;
