# SPDX-License-Identifier: Apache-2.0
# What failed and what it said about it, for the end of a long run, where people look first.
package EncGather::Failures;
use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use File::Temp ();
use IO::Handle ();

use constant SHOWN => 12;    # lines of what a failed file said

my $MARK = qr/^(?:failed|unsteady): |^    \| /;

# keeps: whether what tests say on standard error is kept too; it is then printed when a file has ended, and not before.
sub new ($class, %how) {
    my $self = bless { failed => {}, said => {}, from => 0 }, $class;
    $self->_keep_errors if $how{keeps};
    return $self;
}

sub _keep_errors ($self) {
    $self->{errors} = File::Temp->new;
    open $self->{terminal}, '>&', \*STDERR or die "STDERR: $!\n";
    $self->{terminal}->autoflush;
    open STDERR, '>>', "$self->{errors}" or die "$self->{errors}: $!\n";
    STDERR->autoflush;
    return;
}

# To be called for each parser, before it runs. What runs once more is known from the first time.
sub watch ($self, $parser, $name) {
    if (exists $self->{said}{$name}) {
        $parser->callback(EOF => sub ($) { $self->pass_on });
        return;
    }
    $parser->callback(test => sub ($test) {
        push @{ $self->{failed}{$name} }, $test->number . ' ' . $test->description unless $test->is_ok;
    });
    $parser->callback(EOF => sub ($) { $self->{said}{$name} = $self->pass_on });
    return;
}

# Prints what came on standard error since the last time, and returns it.
sub pass_on ($self) {
    return '' unless $self->{errors};
    open my $from, '<', "$self->{errors}" or return '';
    seek $from, $self->{from}, 0;
    my $said = do { local $/; <$from> } // '';
    $self->{from} += length $said;
    print { $self->{terminal} } $said;
    return $said;
}

# Lines to print: which tests of that name failed, and what it said last. $word is "failed", or another that report_lines() knows.
sub lines_of ($self, $word, $name) {
    my @tests = @{ $self->{failed}{$name} || ['the file as a whole: it ended early, or with an exit code'] };
    my @said  = grep { /\S/ } split /\n/, $self->{said}{$name} // '';
    splice @said, 0, -(SHOWN) if @said > SHOWN;
    return ((map { "$word: $name: $_\n" } @tests), map { "    | $_\n" } @said);
}

# Of the output of another run: what is a report of this kind.
sub report_lines (@lines) { return grep { $_ =~ $MARK } @lines }

sub DESTROY ($self) {
    return unless $self->{errors};
    $self->pass_on;
    open STDERR, '>&', $self->{terminal};
    return;
}

1;
