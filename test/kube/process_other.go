//go:build !linux

package kube

import "syscall"

func ownGroup() *syscall.SysProcAttr { return nil }
