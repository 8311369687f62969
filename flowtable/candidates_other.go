//go:build !amd64

package flowtable

func (t *Table) candidates(hash *[MaxBurst]uint64, ref *[MaxBurst]Ref, n int) {
	t.candidatesGo(hash, ref, n)
}
