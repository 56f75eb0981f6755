// Threads that C makes call back into Go, while Go makes threads and processes of its own; each has an argument of its own.
package main

/*
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

extern void seen(uintptr_t number);

static void *routine(void *argument) {
	seen((uintptr_t)argument);
	return argument;
}

// Makes this many threads and returns the sum of what they return.
static uintptr_t threads(uintptr_t first, int count) {
	pthread_t *made = malloc(count * sizeof *made);
	uintptr_t sum = 0;
	for (int i = 0; i < count; i++)
		pthread_create(&made[i], NULL, routine, (void *)(first + i));
	for (int i = 0; i < count; i++) {
		void *value;
		pthread_join(made[i], &value);
		sum += (uintptr_t)value;
	}
	free(made);
	return sum;
}
*/
import "C"

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
)

const makers, rounds, each = 8, 150, 8

var sawSum, saw int64

//export seen
func seen(number C.uintptr_t) {
	atomic.AddInt64(&sawSum, int64(number))
	atomic.AddInt64(&saw, 1)
}

func main() {
	var returned int64
	var group sync.WaitGroup
	for maker := 0; maker < makers; maker++ {
		group.Add(1)
		go func(maker int) {
			defer group.Done()
			runtime.LockOSThread()
			for round := 0; round < rounds; round++ {
				first := C.uintptr_t(1 + (maker*rounds+round)*each)
				atomic.AddInt64(&returned, int64(C.threads(first, each)))
			}
		}(maker)
	}
	group.Wait()
	fmt.Println("threads", saw, sawSum, returned)

	var locked, ran int64
	for i := 0; i < 50; i++ {
		group.Add(2)
		go func(i int) {
			defer group.Done()
			// A thread that ends locked is ended by Go, which makes another.
			runtime.LockOSThread()
			atomic.AddInt64(&locked, int64(C.threads(C.uintptr_t(i), 1)))
		}(i)
		go func(i int) {
			defer group.Done()
			said, err := exec.Command("echo", fmt.Sprint(i)).Output()
			if err == nil && string(said) == fmt.Sprintln(i) {
				atomic.AddInt64(&ran, 1)
			}
		}(i)
	}
	group.Wait()
	fmt.Println("locked", locked, "commands", ran)
}
