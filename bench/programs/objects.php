<?php
// SPDX-License-Identifier: MIT
// objects.php: arrays, strings and objects, built, changed and dropped; prints a digest.  To be run
// with USE_ZEND_ALLOC=0, so that PHP takes its memory from malloc.

mt_srand(7);
$records = [];
for ($n = 0; $n < 60000; $n++) {
    $record = new stdClass();
    $record->name = 'name-' . dechex(mt_rand());
    $record->tags = array_map(fn ($tag) => "t$tag", range(0, mt_rand(0, 5)));
    $record->place = ['x' => mt_rand(), 'y' => mt_rand()];
    $records[] = $record;
}
for ($round = 0; $round < 2; $round++) {
    $records = json_decode(json_encode($records));
}
$live = [];
for ($step = 0; $step < 400000; $step++) {
    $key = mt_rand(0, 20000);
    if (isset($live[$key]) && $step % 3 == 0) {
        unset($live[$key]);
    } else {
        $live[$key] = substr($live[$key] ?? '', -200) . str_repeat((string) $step, 1 + $key % 7);
    }
}
ksort($live);
echo md5(implode($live) . count($records)), "\n";
