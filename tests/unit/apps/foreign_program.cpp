#include <cstdio>

#include "apps/instruction_sets.hpp"

unsigned const moescope::compiled_for = ~0u;

int main() { std::puts("main was reached"); }
