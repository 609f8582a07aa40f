// A C interface to a Verilated fabric, for pmgd.sim.rtl_device: whole runs in one call, and arrays
// by pointer. Between calls the clock is low and every output has settled.

#include <chrono>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "Vfabric.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

// Cycles between two looks at the clock on the wall.
constexpr unsigned kCyclesPerLook = 1024;

// Where to put what each timestep did; see pmgd.gateware.device.StepTrace.
struct Recorder {
    std::int64_t* cost = nullptr;
    std::int64_t* baseline = nullptr;
    std::int64_t* step = nullptr;
    std::int64_t* parameters = nullptr;  // capacity rows of `count`
    std::uint64_t capacity = 0;
    std::uint64_t recorded = 0;
    const std::uint64_t* bounds = nullptr;  // first parameter of each layer, then `count`
    unsigned layers = 0;
    unsigned count = 0;       // parameters in a fabric
    unsigned theta_bits = 0;  // width of one
    unsigned step_bits = 0;   // width of the broadcast step
};

std::int64_t sign_extend(std::uint64_t value, unsigned bits) {
    const unsigned unused = 64 - bits;
    return static_cast<std::int64_t>(value << unused) >> unused;
}

// A port's bits as 32-bit words, however Verilator stores its width.
void to_words(std::uint64_t port, std::uint32_t* words) {
    words[0] = static_cast<std::uint32_t>(port);
    words[1] = static_cast<std::uint32_t>(port >> 32);
}

template <std::size_t N>
void to_words(const VlWide<N>& port, std::uint32_t* words) {
    for (std::size_t i = 0; i < N; ++i) words[i] = port[i];
}

class Simulation {
public:
    explicit Simulation(const char* waveform) {
#if VM_TRACE
        if (waveform) {
            context.traceEverOn(true);
            fabric.trace(&vcd, 99);
            vcd.open(waveform);
        }
#else
        (void)waveform;
#endif
        fabric.clk = 0;
        fabric.rx_valid = 0;
        fabric.rx_payload = 0;
        fabric.tx_ready = 0;
        fabric.eval();
    }

    ~Simulation() {
        dump();
        fabric.final();
#if VM_TRACE
        vcd.close();
#endif
    }

    void cycle() {
        dump();
        fabric.clk = 1;
        fabric.eval();
        context.timeInc(1);
        dump();
        fabric.clk = 0;
        fabric.eval();
        context.timeInc(1);
        ++cycles;
        if (!recorder.capacity) return;
        if (fabric.trace_valid && recorder.recorded < recorder.capacity) record();
        if (fabric.trace_used) record_parameters();
    }

    VerilatedContext context;
    Vfabric fabric{&context, "fabric"};
#if VM_TRACE
    VerilatedVcdC vcd;
#endif
    std::uint64_t cycles = 0;
    Recorder recorder;
    std::vector<std::uint64_t> used;  // rows of parameters filled, for each layer
    bool failed = false;
    std::string log;

private:
    void dump() {
#if VM_TRACE
        if (vcd.isOpen()) vcd.dump(context.time());
#endif
    }

    void record() {
        Recorder& to = recorder;
        const std::uint64_t row = to.recorded++;
        to.cost[row] = fabric.trace_cost;
        to.baseline[row] = fabric.trace_baseline;
        to.step[row] = sign_extend(fabric.trace_step, to.step_bits);
    }

    void record_parameters() {
        Recorder& to = recorder;
        // One word more than the port has, since every field is read through two.
        std::uint32_t words[sizeof(fabric.trace_parameters) / 4 + 3] = {};
        to_words(fabric.trace_parameters, words);
        for (unsigned layer = 0; layer < to.layers; ++layer) {
            if (!(fabric.trace_used >> layer & 1) || used[layer] == to.capacity) continue;
            std::int64_t* row = to.parameters + used[layer]++ * to.count;
            for (std::uint64_t i = to.bounds[layer]; i < to.bounds[layer + 1]; ++i) {
                const std::uint64_t bit = i * to.theta_bits;
                const std::uint64_t pair =
                    words[bit / 32] | (std::uint64_t{words[bit / 32 + 1]} << 32);
                row[i] = sign_extend(pair >> (bit % 32), to.theta_bits);
            }
        }
    }
};

// The simulation that this thread is evaluating: Verilator's callbacks do not say.
thread_local Simulation* running = nullptr;

}  // namespace

extern "C" int pmgd_print(const char* format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    const int length = std::vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (running) running->log += text;
    return length;
}

void vl_stop(const char*, int, const char*) {
    if (running) running->failed = true;
}

void vl_fatal(const char*, int, const char*, const char* message) {
    pmgd_print("%s\n", message);
    if (running) running->failed = true;
}

EXPORT Simulation* pmgd_create(const char* waveform) {
#if !VM_TRACE
    if (waveform) return nullptr;
#endif
    return new Simulation(waveform);
}

EXPORT void pmgd_destroy(Simulation* simulation) { delete simulation; }

EXPORT std::uint64_t pmgd_cycles(const Simulation* simulation) { return simulation->cycles; }

// What failed, or null; after a failure nothing advances any more.
EXPORT const char* pmgd_failure(const Simulation* simulation) {
    return simulation->failed ? simulation->log.c_str() : nullptr;
}

// Record the next `capacity` timesteps; 0 ends recording. The arrays must live until then.
EXPORT void pmgd_record(Simulation* simulation, const Recorder* recorder) {
    simulation->recorder = recorder ? *recorder : Recorder{};
    simulation->used.assign(simulation->recorder.layers, 0);
}

EXPORT std::uint64_t pmgd_recorded(const Simulation* simulation) {
    return simulation->recorder.recorded;
}

// Send `count` bytes and collect the reply, up to its `frames`-th zero byte, to `capacity` bytes, or
// until nothing moved for `quiet_cycles`. Returns the reply's length.
EXPORT std::uint64_t pmgd_exchange(Simulation* simulation, const std::uint8_t* request,
                                   std::uint64_t count, std::uint8_t* reply,
                                   std::uint64_t capacity, std::uint64_t frames,
                                   std::uint64_t quiet_cycles) {
    running = simulation;
    Vfabric& fabric = simulation->fabric;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t quiet = 0;
    while (frames && received < capacity && quiet < quiet_cycles && !simulation->failed) {
        fabric.rx_valid = sent < count;
        fabric.rx_payload = sent < count ? request[sent] : 0;
        fabric.tx_ready = 1;
        fabric.eval();
        ++quiet;
        if (fabric.tx_valid) {
            quiet = 0;
            reply[received++] = fabric.tx_payload;
            if (!fabric.tx_payload) --frames;
        }
        if (fabric.rx_valid && fabric.rx_ready) {
            quiet = 0;
            ++sent;
        }
        simulation->cycle();
    }
    fabric.rx_valid = 0;
    fabric.tx_ready = 0;
    fabric.eval();
    running = nullptr;
    return received;
}

// Let `cycles` go by, in which up to `count` bytes, `*sent` of them in the end, go to the fabric and
// as many as come are collected. Returns how many: at most one a cycle.
EXPORT std::uint64_t pmgd_stream(Simulation* simulation, const std::uint8_t* bytes,
                                 std::uint64_t count, std::uint64_t* sent,
                                 std::uint8_t* collected, std::uint64_t cycles) {
    running = simulation;
    Vfabric& fabric = simulation->fabric;
    std::uint64_t received = 0;
    *sent = 0;
    for (std::uint64_t i = 0; i < cycles && !simulation->failed; ++i) {
        fabric.rx_valid = *sent < count;
        fabric.rx_payload = *sent < count ? bytes[*sent] : 0;
        fabric.tx_ready = 1;
        fabric.eval();
        if (fabric.tx_valid) collected[received++] = fabric.tx_payload;
        if (fabric.rx_valid && fabric.rx_ready) ++*sent;
        simulation->cycle();
    }
    fabric.rx_valid = 0;
    fabric.tx_ready = 0;
    fabric.eval();
    running = nullptr;
    return received;
}

// Whether the fabric is running or evaluating.
EXPORT int pmgd_busy(const Simulation* simulation) { return simulation->fabric.busy; }

// Advance until the fabric is idle, for at most about `seconds`. Returns whether it is still busy.
EXPORT int pmgd_advance(Simulation* simulation, double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    running = simulation;
    do {
        for (unsigned i = 0; i < kCyclesPerLook; ++i) {
            if (!simulation->fabric.busy || simulation->failed) break;
            simulation->cycle();
        }
    } while (simulation->fabric.busy && !simulation->failed && Clock::now() < end);
    running = nullptr;
    return simulation->fabric.busy;
}
