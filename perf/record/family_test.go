package record

import (
	"os"
	"os/exec"
	"slices"
	"testing"
)

func TestFamily(t *testing.T) {
	child := exec.Command("cat")
	hold, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	all, err := Family(os.Getpid())
	if err != nil || !slices.Contains(all, os.Getpid()) || !slices.Contains(all, child.Process.Pid) || slices.Contains(all, 1) {
		t.Errorf("%v, %v", all, err)
	}
	_ = hold.Close()
	_ = child.Wait()
	if all, err := Family(os.Getpid()); err != nil || slices.Contains(all, child.Process.Pid) {
		t.Errorf("%v, %v", all, err)
	}
}
