package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"linedirector/conf"
)

// pciAddress is the port's, as the kernel writes it.
func pciAddress(p conf.Port) string {
	address := strings.ToLower(p.DeviceName())
	if strings.Count(address, ":") == 1 {
		return "0000:" + address
	}
	return address
}

func pciFolder(p conf.Port) string { return "sys/bus/pci/devices/" + pciAddress(p) }

// bifurcated drivers of the kernel share the card with DPDK and must stay bound.
var bifurcated = []string{"mlx5_core", "mlx4_core", "mana"}

// uio drivers hand the card to DPDK without an IOMMU's protection.
var uio = []string{"igb_uio", "uio_pci_generic"}

const noIOMMUMode = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

// nic looks at a PCI device: is it there, whose is it, can DPDK have it, is the slot fast enough.
func (e *examination) nic(p conf.Port) {
	folder, address := pciFolder(p), pciAddress(p)
	if !e.root.exists(folder) {
		e.problem("driver", "there is no PCI device "+address, "dpdk-devbind.py --status lists those that there are; write its address at the port's device")
		return
	}
	if class := e.root.text(folder + "/class"); class != "" && !strings.HasPrefix(class, "0x02") {
		e.problem("driver", fmt.Sprintf("%s is no network card (class %s)", address, class), "dpdk-devbind.py --status lists those; write one's address at the port's device")
		return
	}
	driver := e.root.linked(folder + "/driver")
	switch {
	case slices.Contains(bifurcated, driver):
		e.shared(folder, driver)
	case driver == "vfio-pci":
		e.vfio(folder)
	case slices.Contains(uio, driver):
		e.advice("driver", driver+", without an IOMMU's protection", "bind it to vfio-pci where the machine has an IOMMU: with uio a wrong address from the card overwrites any memory")
	default:
		e.unbound(folder, address, driver)
	}
	e.slot(folder)
}

// shared is a card with a bifurcated driver. DPDK reaches mlx5 cards by way of the kernel's RDMA.
func (e *examination) shared(folder, driver string) {
	if strings.HasPrefix(driver, "mlx") && !e.root.exists(folder+"/infiniband") {
		module := strings.TrimSuffix(driver, "_core") + "_ib"
		e.problem("driver", driver+" without RDMA", "modprobe "+module+" ib_uverbs (and into /etc/modules): DPDK's driver asks the card by way of them")
		return
	}
	e.ok("driver", driver+", which shares the card with DPDK and stays bound")
	e.translated(folder)
}

// unbound is a card that the kernel has.
func (e *examination) unbound(folder, address, driver string) {
	what := "no driver has it"
	care := ""
	if driver != "" {
		what = driver + ", the kernel's own, has it"
		if names := e.root.list(folder + "/net"); len(names) > 0 {
			what += " (interface " + strings.Join(names, ", ") + ")"
			care = "; whoever is logged in over this interface is cut off"
		}
	}
	do := fmt.Sprintf("modprobe vfio-pci; dpdk-devbind.py -b vfio-pci %s: DPDK drives it from here%s", address, care)
	if len(e.root.list("sys/kernel/iommu_groups")) == 0 {
		do = "first " + e.iommuMend() + "; then " + do
	}
	e.problem("driver", what, do)
}

// iommuMend is what to do where there is no IOMMU.
func (e *examination) iommuMend() string {
	if slices.Contains(strings.Fields(e.root.field("proc/cpuinfo", "flags")), "hypervisor") {
		return "give the virtual machine an IOMMU, or let VFIO do without (modprobe vfio enable_unsafe_noiommu_mode=1)"
	}
	if e.root.field("proc/cpuinfo", "vendor_id") == "GenuineIntel" {
		return "switch the IOMMU on (VT-d in the firmware, intel_iommu=on iommu=pt on the kernel command line)"
	}
	return "switch the IOMMU on (in the firmware, iommu=pt on the kernel command line)"
}

// vfio needs the whole IOMMU group, or leave to do without.
func (e *examination) vfio(folder string) {
	group := e.root.linked(folder + "/iommu_group")
	if group == "" || !e.root.exists("sys/kernel/iommu_groups/"+group) {
		if mode := e.root.text(noIOMMUMode); mode == "Y" || mode == "1" {
			e.advice("driver", "vfio-pci without an IOMMU", "nothing, in a virtual machine without one; elsewhere "+e.iommuMend()+": a wrong address from the card overwrites any memory")
			return
		}
		e.problem("driver", "vfio-pci, and no IOMMU", e.iommuMend()+": VFIO opens no card without")
		return
	}
	var others []string
	members := "sys/kernel/iommu_groups/" + group + "/devices"
	for _, address := range e.root.list(members) {
		other := "sys/bus/pci/devices/" + address
		driver := e.root.linked(other + "/driver")
		bridge := strings.HasPrefix(e.root.text(other+"/class"), "0x06")
		if driver != "" && driver != "vfio-pci" && driver != "pci-stub" && driver != "pcieport" && !bridge {
			others = append(others, fmt.Sprintf("%s (%s)", address, driver))
		}
	}
	if len(others) > 0 {
		e.problem("IOMMU", fmt.Sprintf("group %s holds also %s", group, strings.Join(others, ", ")),
			"bind all of the group to vfio-pci, or put the card into another slot: VFIO opens a group only if it has the whole")
		return
	}
	e.ok("driver", "vfio-pci, IOMMU group "+group)
}

// translated: the kernel maps a bifurcated card's memory, and translation costs unless it is the identity.
func (e *examination) translated(folder string) {
	group := e.root.linked(folder + "/iommu_group")
	if kind := e.root.text("sys/kernel/iommu_groups/" + group + "/type"); group != "" && strings.HasPrefix(kind, "DMA") {
		e.advice("IOMMU", "every address of the card is translated ("+kind+")", "iommu=pt on the kernel command line, unless the translation is wanted: small packets miss its cache")
	}
}

// slot: a card in a narrower or slower slot than its own cannot reach line rate.
func (e *examination) slot(folder string) {
	width, okWidth := e.root.number(folder + "/current_link_width")
	wide, okWide := e.root.number(folder + "/max_link_width")
	speed, fast := gigatransfers(e.root.text(folder+"/current_link_speed")), gigatransfers(e.root.text(folder+"/max_link_speed"))
	if !okWidth || !okWide || width == 0 {
		return
	}
	if width < wide || speed < fast {
		e.advice("slot", fmt.Sprintf("PCIe x%d at %g GT/s, where the card could have x%d at %g", width, speed, wide, fast),
			"put it into a wider slot if both ports together shall reach line rate; see lspci -vv, LnkSta")
		return
	}
	e.ok("slot", fmt.Sprintf("PCIe x%d at %g GT/s, all that the card can", width, speed))
}

// gigatransfers is the number of "8.0 GT/s PCIe".
func gigatransfers(text string) float64 {
	number, _, _ := strings.Cut(text, " ")
	n, _ := strconv.ParseFloat(number, 64)
	return n
}
