<?php
// SPDX-License-Identifier: MIT
// objects.php: arrays, strings and objects, built, changed and dropped; prints a digest.  To be run
// with USE_ZEND_ALLOC=0, so that PHP takes its memory from malloc.

// Records as a service holds them, and the JSON of all.
function people($count)
{
    $records = [];
    for ($n = 0; $n < $count; $n++) {
        $record = new stdClass();
        $record->name = 'name-' . dechex(mt_rand());
        $record->tags = array_map(fn ($tag) => "t$tag", range(0, mt_rand(0, 5)));
        $record->place = ['x' => mt_rand(), 'y' => mt_rand()];
        $records[] = $record;
    }
    return json_encode($records);
}

// Large arrays of numbers and the strings that they make, dropped one after the other.
function tables($count)
{
    $digest = '';
    for ($size = 1000; $size < $count; $size = intdiv($size * 5, 4)) {
        $numbers = range(0, $size);
        shuffle($numbers);
        $text = implode(',', $numbers);
        sort($numbers);
        $digest = md5($digest . $text . count(explode(',', $text)));
    }
    return $digest;
}

// An array of strings whose entries come and go.
function churn($steps)
{
    $live = [];
    for ($step = 0; $step < $steps; $step++) {
        $key = mt_rand(0, 20000);
        if (isset($live[$key]) && $step % 3 == 0) {
            unset($live[$key]);
        } else {
            $live[$key] = substr($live[$key] ?? '', -200) . str_repeat($step, 1 + $key % 7);
        }
    }
    ksort($live);
    return implode($live);
}

mt_srand(7);
$digest = '';
for ($round = 0; $round < 2; $round++) {
    $text = people(20000);
    $records = json_decode($text);
    $digest = md5($digest . $text . json_encode($records) . tables(600000) . churn(100000));
}
echo "$digest\n";
