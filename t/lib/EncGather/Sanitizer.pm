# SPDX-License-Identifier: Apache-2.0
# AddressSanitizer with UBSan, ThreadSanitizer and valgrind around httpd and around programs: what each wants in the
# environment, where it reports, and which checks mean nothing under it.
package EncGather::Sanitizer;

use strict;
use warnings;
use feature 'signatures';
no warnings 'experimental::signatures';

use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter 'import';

our @EXPORT_OK = qw(kinds environment reports pointless);

my ($top) = map { abs_path("$_/../../..") } __FILE__ =~ m{^(.*)/Sanitizer\.pm\z};
my $suppressions = "$top/t/sanitize";

# runtime   the compiler's library, which comes before all others
# before    ours, of t/sanitize/, that goes before APR
# options   variables; @REPORTS@ becomes the start of the reports' paths
# under     what runs httpd, where that is needed
my %KIND = (
    asan => {
        runtime => 'libasan.so',
        before  => 'libpools.so',
        options => {
            # Children of a server are no longer dumpable, and a search for leaks needs that; programs end otherwise.
            ASAN_OPTIONS => 'log_path=@REPORTS@:detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1'
                . ':strict_string_checks=1:check_initialization_order=1:allocator_may_return_null=1',
            UBSAN_OPTIONS => 'log_path=@REPORTS@:print_stacktrace=1',
        },
    },
    # What httpd and APR do with descriptors between themselves is theirs: the listener closes what the main thread
    # still polls. Their locks and atomic operations are seen all the same.
    tsan => {
        runtime => 'libtsan.so',
        before  => 'libatomics.so',
        options => { TSAN_OPTIONS => 'log_path=@REPORTS@:exitcode=0:report_signal_unsafe=0:ignore_noninstrumented_modules=1'
                . ":second_deadlock_stack=1:suppressions=$suppressions/tsan.supp" },
    },
    valgrind => {
        before  => 'libpools.so',
        options => { VALGRIND_OPTS => '-q --keep-debuginfo=yes --log-file=@REPORTS@.%p --leak-check=full --show-leak-kinds=definite'
                . " --errors-for-leak-kinds=definite --track-origins=yes --suppressions=$suppressions/valgrind.supp" },
        under => 'valgrind',
    },
);

sub kinds () { return sort keys %KIND }

# The variables for one kind: reports are files in the directory $reports, which everybody may write to; $out is where
# the products are; $httpd the real server.
sub environment ($kind, $reports, $out, $httpd) {
    my $what    = $KIND{$kind} or croak "no such sanitizer: $kind";
    my %options = map { $_ => $what->{options}{$_} =~ s{\@REPORTS\@}{$reports/$kind}gr } keys %{ $what->{options} };
    my @runtime = $what->{runtime} ? _of_compiler($what->{runtime}) : ();
    return (
        %options,
        ENCGATHER_SANITIZER  => $kind,
        ENCGATHER_HTTPD      => "$suppressions/httpd",
        ENCGATHER_REAL_HTTPD => $httpd,
        ENCGATHER_PRELOAD    => join(':', @runtime, "$out/sanitize/$what->{before}"),
        ENCGATHER_UNDER      => $what->{under} || '',
    );
}

sub _of_compiler ($library) {
    my $compiler = $ENV{CC} || 'gcc';
    my $path     = `$compiler -print-file-name=$library`;
    chomp $path;
    croak "$compiler has no $library" unless $path =~ m{^/};
    return abs_path($path);
}

# Texts by file name; whoever was started without a fault leaves an empty file or none.
sub reports ($directory) {
    my %text = map { $_ => _content($_) } glob "$directory/*";
    return { map { s{.*/}{}r => $text{$_} } grep { length $text{$_} } keys %text };
}

sub _content ($path) {
    open my $file, '<:raw', $path or return "$path: $!";
    local $/;
    my $text = <$file>;
    return defined $text ? $text : '';
}

# --- For tests ------------------------------------------------------------------------------------------

# Why a check means nothing under the sanitizer at work; '' where it does, and always without one.
my %POINTLESS = (
    memory => 'it keeps blocks that were freed, and maps terabytes for its own use',
    build  => 'this builds a module of its own, without it',
    demo   => 'the demo takes the httpd that it finds, without it',
    shim   => 'what stands in for calls of the system here stands in for its own too',
);

sub pointless ($why) {
    my $reason = $POINTLESS{$why} or croak "no such reason: $why";
    return $ENV{ENCGATHER_SANITIZER} ? "under $ENV{ENCGATHER_SANITIZER}: $reason" : '';
}

1;
