//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// apart lets a process outlive this one: what ends the terminal does not end it.
func apart(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
