# SPDX-License-Identifier: MIT
# script.pl: strings, hashes, regular expressions, sorting, closures, objects.
use strict;
use warnings;

my $state = 12345;
sub random { $state = ($state * 1103515245 + 12345) % 2147483648; return ($state >> 8) % $_[0]; }

my (%count, %list);
for my $i (1 .. 60000) {
    my $word = join '', map { chr (97 + random (26)) } 1 .. 2 + random (4);
    $count{$word}++;
    push @{ $list{length $word} }, $word . ($i x random (3));
}
my @most = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print scalar (@most), " words; ", join (' ', map { "$_=$count{$_}" } @most[0 .. 20]), "\n";
for my $length (sort keys %list) {
    my $text = join ',', sort @{ $list{$length} };
    my $sum = unpack '%32C*', $text;
    (my $changed = $text) =~ s/([aeiou])(\d*)/<$2$1>/g;
    my $matches = () = $changed =~ /<(\d+)[ae]>[b-d]?/g;
    printf "%d: %d bytes, sum %d, %d matches, %d changed, %s\n",
        $length, length $text, $sum, $matches, length $changed, substr ($changed, 0, 40);
}
delete $count{$_} for grep { /^[a-m]/ } keys %count;
print scalar (keys %count), " left\n";

my @closures = map { my $n = $_; sub { $n += shift; return "$n:" . 'x' x ($n % 50) } } 1 .. 5000;
my $total = 0;
for my $turn (1 .. 10) { $total += length $_->($turn) for @closures; }
print "closures $total\n";

my $grow = '';
$grow .= "$_;" for 1 .. 200000;
$grow = reverse $grow;
print length ($grow), ' ', unpack ('%32C*', $grow), ' ', substr ($grow, 1000, 30), "\n";

sub tree { my $depth = shift; return $depth ? { left => tree ($depth - 1), right => tree ($depth - 1), depth => $depth } : undef; }
sub nodes { my $node = shift; return $node ? 1 + nodes ($node->{left}) + nodes ($node->{right}) : 0; }
print 'nodes ', nodes (tree (15)), "\n";
my @parts = split /(?<=9)/, join '', map { random (10) } 1 .. 100000;
my %by_length;
$by_length{length $_}++ for @parts;
print join (' ', map { "$_:$by_length{$_}" } sort { $a <=> $b } keys %by_length), "\n";
print sprintf ('%s', join '|', map { sprintf '%08.3f', sqrt $_ } 1 .. 500), "\n";
