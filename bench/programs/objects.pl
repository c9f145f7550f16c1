# SPDX-License-Identifier: MIT
# objects.pl PERCENT: hashes, arrays, strings and closures, built, changed and dropped; prints sums.
use strict;
use warnings;

my $percent = shift;
my $state = 12345;
sub draw {
    $state = ($state * 1103515245 + 12345) % 2147483648;
    return int ($state / 65536) % $_[0];
}

my @records = map {
    { id => $_, name => sprintf ('name-%x', draw (1 << 15) * $_), tags => [map { 't' . draw (300) } 1 .. draw (6)] }
} 1 .. 1000 * $percent;
my %by_tag;
for my $record (@records) {
    push @{ $by_tag{$_} }, $record->{name} for @{ $record->{tags} };
}
my $text = join ';', map { $_ . '=' . join (',', sort @{ $by_tag{$_} }) } sort keys %by_tag;
print length ($text), ' ', unpack ('%32C*', $text), "\n";

my %live;
for my $step (1 .. 5000 * $percent) {
    my $key = draw (20000);
    if ($step % 3 == 0) {
        delete $live{$key};
    } else {
        $live{$key} = substr (($live{$key} // '') . $step x (1 + $key % 7), -200);
    }
}
$text = join ' ', map { $live{$_} } sort { $a <=> $b } keys %live;
print length ($text), ' ', unpack ('%32C*', $text), "\n";

my %counts;
$counts{$_}++ for split / /, $text;
my @sums = map { my $n = $_; sub { return $n + $_[0] } } 1 .. 500 * $percent;
my $sum = 0;
$sum = ($sum + $_->(scalar keys %counts)) % 1000003 for @sums;
print "$sum\n";
