<?php
// Forks that nest, commands, and pipes; each child's exit status is its own.
$sum = 0;
for ($round = 0; $round < 10; $round++) {
    $children = [];
    for ($number = 1; $number <= 5; $number++) {
        $child = pcntl_fork();
        if ($child === 0) {
            $inner = pcntl_fork();
            if ($inner === 0) {
                exit($number);
            }
            pcntl_waitpid($inner, $status);
            exit(pcntl_wexitstatus($status) * 2);
        }
        $children[] = $child;
    }
    foreach ($children as $child) {
        pcntl_waitpid($child, $status);
        $sum += pcntl_wexitstatus($status);
    }
}
echo "forks $sum\n";
$length = 0;
for ($round = 0; $round < 20; $round++) {
    $process = proc_open(['sh', '-c', 'cat; exit 4'], [['pipe', 'r'], ['pipe', 'w'], ['pipe', 'w']], $pipes);
    fwrite($pipes[0], str_repeat('x', 1000));
    fclose($pipes[0]);
    $length += strlen(stream_get_contents($pipes[1]));
    $length += proc_close($process);
}
echo "commands $length\n";
