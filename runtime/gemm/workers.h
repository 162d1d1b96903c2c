// Threads that are kept between products and sleep without spinning.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

namespace llamapack {

// Work of numbered items, taken one after the other by whoever is free; the caller works too.
class Workers {
  public:
    using Item = std::function<void(int thread, int64_t item)>;

    ~Workers() { stop(); }

    // Threads that work on the next `run`, the caller among them.
    void set_count(int count) { wanted_ = count < 1 ? 1 : count; }

    int count() const { return wanted_; }

    // Returns when all items are done. Throws std::system_error where threads cannot be started.
    void run(int64_t items, const Item & item) {
        start();
        if (items == 1 || threads_.empty()) {
            for (int64_t i = 0; i < items; i++) {
                item(0, i);
            }
            return;
        }
        item_ = &item;
        items_ = items;
        next_.store(0, std::memory_order_relaxed);
        busy_.store(int(threads_.size()), std::memory_order_relaxed);
        round_.fetch_add(1, std::memory_order_release);
        round_.notify_all();
        take(0);
        for (int left; (left = busy_.load(std::memory_order_acquire)) != 0;) {
            busy_.wait(left, std::memory_order_acquire);
        }
    }

  private:
    void start() {
        if (int(threads_.size()) + 1 == wanted_) {
            return;
        }
        stop();
        is_ending_ = false;
        const uint32_t round = round_.load();
        for (int i = 1; i < wanted_; i++) {
            threads_.emplace_back([this, i, round] { work(i, round); });
        }
    }

    void stop() {
        is_ending_ = true;
        round_.fetch_add(1, std::memory_order_release);
        round_.notify_all();
        for (std::thread & thread : threads_) {
            thread.join();
        }
        threads_.clear();
    }

    void work(int thread, uint32_t round) {
        while (true) {
            round_.wait(round, std::memory_order_acquire);
            round = round_.load(std::memory_order_acquire);
            if (is_ending_) {
                return;
            }
            take(thread);
            if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
                busy_.notify_one();
            }
        }
    }

    void take(int thread) {
        for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < items_;) {
            (*item_)(thread, i);
        }
    }

    int wanted_ = 1;
    std::vector<std::thread> threads_;
    std::atomic<uint32_t> round_{ 0 };
    std::atomic<int> busy_{ 0 };
    std::atomic<int64_t> next_{ 0 };
    int64_t items_ = 0;
    const Item * item_ = nullptr;
    bool is_ending_ = false;
};

}  // namespace llamapack
