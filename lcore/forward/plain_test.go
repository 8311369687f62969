package forward

import (
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

// FuzzPlain: what plain takes is what Parse says of it, and it takes all that is plain and for its port.
func FuzzPlain(f *testing.F) {
	for _, p := range []pkt{fromClient("S"), fromClient("A"), fromReal(1, "SA"), toReal(1, "FA"), toClient("R")} {
		f.Add(p.in(f), uint8(0))
	}
	buf := new([packet.AnswerRoom]byte)
	clientUDP(buf)
	f.Add(buf[:60], uint8(0))
	f.Add(buf[:60], uint8(FlagSegmented|FlagHash))
	f.Add(buf[:59], uint8(FlagHanded))
	w := newWorld(f, 16, nil)
	f.Fuzz(func(t *testing.T, data []byte, flags uint8) {
		if len(data) < packet.EthernetLen || len(data) > 2000 {
			return
		}
		frames := []Frame{{Flags: flags, Port: outside, Verdict: Punt}}
		frames[0].SetBytes(append(make([]byte, 0, len(data)+packet.AnswerRoom), data...))
		var want packet.Meta
		cause := packet.Parse(frames[0].Bytes(), &want)
		isPlain := cause == packet.None && want.Kind == packet.KindFlow && want.L4 == packet.PlainLen &&
			flags&FlagSegmented == 0 && packet.DstMAC(data) == packet.MACFrom(outsideMAC)
		w.frames, w.flows = frames, 0
		took := w.plain(frames, 0)
		if took != w.flows || took == 1 != isPlain || frames[0].Verdict != Drop {
			t.Fatalf("took %d, %d flows, verdict %d; Parse: %v %+v", took, w.flows, frames[0].Verdict, cause, want)
		}
		if took == 0 {
			return
		}
		steady := flowtable.UDP
		if want.Protocol == packet.ProtocolTCP {
			steady = flowtable.Established
		}
		if want.TTL <= 1 || want.TCPFlags&(packet.SYN|packet.FIN|packet.RST) != 0 {
			steady = flowtable.Free
		}
		if w.meta[0] != want || w.hash[0] != w.table.Hash(keyOf(&want)) || w.place[0] != 0 || w.steady[0] != steady {
			t.Fatalf("%+v, hash %#x, place %d, phase %v; want %+v, %v", w.meta[0], w.hash[0], w.place[0], w.steady[0], want, steady)
		}
	})
}
