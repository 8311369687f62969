package doctor

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// root reads a machine's files. Of what cannot be read it returns nothing: many files are there on some machines only.
type root struct{ fs fs.FS }

// text is a file without the blanks around it.
func (r root) text(name string) string {
	b, err := fs.ReadFile(r.fs, name)
	if err != nil {
		return ""
	}
	return strings.Trim(string(b), " \t\n\x00")
}

// number is a file that holds an integer; ok is false if it does not.
func (r root) number(name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(r.text(name), 10, 64)
	return n, err == nil
}

// exists tells whether there is such a file or folder.
func (r root) exists(name string) bool {
	_, err := fs.Stat(r.fs, name)
	return err == nil
}

// list are the names in a folder, in order.
func (r root) list(folder string) (names []string) {
	entries, _ := fs.ReadDir(r.fs, folder)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// linked is the last part of what a symbolic link points to: the driver of …/driver.
func (r root) linked(name string) string {
	to, err := fs.ReadLink(r.fs, name)
	if err != nil {
		return ""
	}
	return path.Base(to)
}

// field is the rest of the line that begins with key and a colon, as in /proc/meminfo.
func (r root) field(name, key string) string {
	for line := range strings.Lines(r.text(name)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// kibibytes is a field of /proc/meminfo in bytes.
func (r root) kibibytes(key string) int64 {
	n, err := strconv.ParseInt(strings.TrimSuffix(r.field("proc/meminfo", key), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// cpus is a file that holds a CPU list.
func (r root) cpus(name string) []int { return parseList(r.text(name)) }

// kernelArgument is the value of an argument of the kernel's command line; ok tells whether it stands there.
func (r root) kernelArgument(name string) (value string, ok bool) {
	for word := range strings.FieldsSeq(r.text("proc/cmdline")) {
		if k, v, _ := strings.Cut(word, "="); k == name {
			value, ok = v, true
		}
	}
	return value, ok
}

// nodeOf is the NUMA node of a CPU, -1 if the machine has none.
func (r root) nodeOf(cpu int) int {
	for _, node := range r.nodes() {
		if slices.Contains(r.cpus(fmt.Sprintf("sys/devices/system/node/node%d/cpulist", node)), cpu) {
			return node
		}
	}
	return -1
}

// nodes are the NUMA nodes with memory or CPUs.
func (r root) nodes() []int { return r.cpus("sys/devices/system/node/online") }

// siblings are the CPUs of the core that the CPU belongs to, itself included.
func (r root) siblings(cpu int) []int {
	list := r.cpus(fmt.Sprintf("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu))
	if len(list) == 0 {
		return []int{cpu}
	}
	return list
}

// parseList reads the kernel's CPU lists: "0-3,8", also "0-30:2/4"; anything odd, as "(null)", is passed over.
func parseList(text string) (cpus []int) {
	for part := range strings.SplitSeq(text, ",") {
		part, stride, grouped := strings.Cut(strings.TrimSpace(part), ":")
		used, group := 1, 1
		if grouped {
			if n, err := fmt.Sscanf(stride, "%d/%d", &used, &group); n != 2 || err != nil || group < 1 {
				continue
			}
		}
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, errA := strconv.Atoi(from)
		b, errB := strconv.Atoi(to)
		if errA != nil || errB != nil || a < 0 || b > 1<<16 {
			continue
		}
		for cpu := a; cpu <= b; cpu++ {
			if (cpu-a)%group < used {
				cpus = append(cpus, cpu)
			}
		}
	}
	return cpus
}

// writeList writes CPUs as the flags and the kernel read them.
func writeList(cpus []int) string {
	cpus = slices.Sorted(slices.Values(cpus))
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		switch {
		case j == i:
			parts = append(parts, strconv.Itoa(cpus[i]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", cpus[i], cpus[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// without are those of a that are not in b.
func without(a, b []int) []int {
	return slices.DeleteFunc(slices.Clone(a), func(cpu int) bool { return slices.Contains(b, cpu) })
}

// both are those of a that are in b, too.
func both(a, b []int) []int { return without(a, without(a, b)) }

// counted is a number with its noun, in the plural if need be.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// cpuWord is a list of CPUs with the noun before it.
func cpuWord(cpus []int) string {
	if len(cpus) == 1 {
		return "CPU " + writeList(cpus)
	}
	return "CPUs " + writeList(cpus)
}

// mib is a size in MiB, rounded up.
func mib(bytes int64) int64 { return (bytes + 1<<20 - 1) >> 20 }
