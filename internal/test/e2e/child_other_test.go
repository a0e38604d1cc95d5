//go:build !linux

package e2e

import "syscall"

// childAttributes keeps the terminal's Ctrl-C from the child: the tests end it.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
