/* H4: C++'s allocation and streams are reported by what they call: the heap, and the lock of a locale.
 * options: FORKWATCH_AUDIT=on
 * expect: unsafe_fork WARN threads=1
 * expect: unsafe_call WARN call=malloc in=greet
 * expect: unsafe_call WARN call=free in=greet
 * allow: unsafe_call
 * count: any
 * suppress: *:*
 * bare: 0
 */
#include "../program.h"
#include <sstream>
#include <string>
#include <vector>

static struct gate up;

static void *worker(void *) {
    gate_open(&up);
    idle_for_ever();
}

static int greet(int number) {
    std::vector<std::string> words(10, "a word that is longer than what fits inside of the object");
    std::ostringstream out;
    out << words.size() << ' ' << number << ' ' << words.front();
    return out.str().size() > 10 ? FINE : BROKEN;
}

int main() {
    gate_make(&up);
    start("worker", worker, nullptr);
    gate_pass(&up);
    pid_t child = fork();
    if (child == 0) _exit(greet(7));
    return verdict(child);
}
