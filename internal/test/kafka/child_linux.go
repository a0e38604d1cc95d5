package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// childAttributes makes the kernel kill the broker when the test process dies without cleaning up.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// halted tells whether every thread of a process has stopped. One that is running when the signal is sent goes on until the
// kernel interrupts it, on a busy machine long enough to answer a request.
func halted(pid int) (bool, error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(threads) == 0 {
		return false, fmt.Errorf("process %d has no threads: %w", pid, os.ErrProcessDone)
	}
	for _, path := range threads {
		stat, err := os.ReadFile(path) //nolint:gosec // made of a process number
		if os.IsNotExist(err) {
			continue // The thread has ended.
		}
		if err != nil {
			return false, err
		}
		// The state follows the name, which is in parentheses and may hold any character: proc(5).
		text := string(stat)
		if !strings.HasPrefix(text[strings.LastIndexByte(text, ')')+1:], " T") {
			return false, nil
		}
	}
	return true, nil
}
