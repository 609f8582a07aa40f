"""The output registers of an ECP5's blocks of memory, which synthesis does not use."""

from pmgd.gateware.attributes import OUTPUT_REGISTER

__all__ = ["ABSORB_REGISTERS", "ABSORB_REGISTERS_FILE", "ABSORB_REGISTERS_MAP"]

ABSORB_REGISTERS_FILE = "output_register.v"
"""Name of the file that `ABSORB_REGISTERS` reads."""

ABSORB_REGISTERS = f"""\
select -set outputs w:* a:{OUTPUT_REGISTER}=* %i
select -set registers t:TRELLIS_FF @outputs %ci1:+TRELLIS_FF[Q] %i
select -set behind @registers %ci1:+TRELLIS_FF[DI]
select -set blocks t:DP16KD @behind %ci1 %i
select -assert-none @behind %ci1 t:* %i t:DP16KD %d @registers %d
select -set raw @blocks %co1 w:* %i
select -assert-none @raw %co1 t:* %i @registers %d @raw o:* %i %u
select -assert-none @registers @raw %co1:+TRELLIS_FF[DI] %d
select -assert-none @registers %ci1:+TRELLIS_FF[CE,LSR] w:* %i
setparam -set ABSORBED 1 @registers
setparam -set REGMODE_A "OUTREG" @blocks
setparam -set REGMODE_B "OUTREG" @blocks
techmap -map {ABSORB_REGISTERS_FILE}
clean"""
"""Yosys commands for the netlist of an ECP5: where a register stands behind a block's output, with
nothing between them, the block's own takes its place.

A block's register is every reader's, is loaded at every clock and is never reset. So Yosys fails
where anything but a block drives a marked register, where a block that one stands behind drives
anything but marked registers, and where a marked register has an enable or a reset.
`pmgd.gateware.samples.Samples` makes none of these.
"""

ABSORB_REGISTERS_MAP = """\
(* techmap_celltype = "TRELLIS_FF" *)
module absorb_register (input CLK, LSR, CE, DI, M, output Q);
	parameter GSR = "ENABLED";
	parameter CEMUX = "1";
	parameter CLKMUX = "CLK";
	parameter LSRMUX = "LSR";
	parameter SRMODE = "LSR_OVER_CE";
	parameter REGSET = "RESET";
	parameter LSRMODE = "LSR";
	parameter ABSORBED = 0;
	wire _TECHMAP_FAIL_ = !ABSORBED;
	assign Q = DI;
endmodule
"""
"""Contents of `ABSORB_REGISTERS_FILE`."""
