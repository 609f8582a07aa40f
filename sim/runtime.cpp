// Verilator's run-time library as one unit, the same for every fabric. What it would print, and the
// stop after a failed assertion, go to the harness instead of to stdout and exit().
extern "C" int pmgd_print(const char* format, ...);
#define VL_PRINTF pmgd_print
#define VL_USER_STOP
#define VL_USER_FATAL

#include "verilated.cpp"
#include "verilated_threads.cpp"
#if VM_TRACE
#include "verilated_vcd_c.cpp"
#endif
