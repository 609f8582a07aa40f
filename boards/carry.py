"""What a netlist's carry chains need not be connected to, on an ECP5.

nextpnr leads the carry out of a chain's last CCU2C through two more cells wherever a net is
connected to it, though nobody reads it, and any carry, though it is a constant, into the first one
through two more. Synthesis connects both in every chain.
"""

__all__ = ["CUT_CARRIES", "CUT_CARRIES_FILE", "CUT_CARRIES_MAP"]

CUT_CARRIES_FILE = "carry.v"
"""Name of the file that `CUT_CARRIES` reads."""

CUT_CARRIES = f"""\
select -set read c:* %ci1 w:* %i o:* %u
select -set carrying @read %ci1:+CCU2C[COUT] t:CCU2C %i
select -set last t:CCU2C @carrying %d
select -set first t:CCU2C a:carry_in=none %i
setparam -set LAST 1 @last
setparam -set FIRST 1 @first
techmap -map {CUT_CARRIES_FILE}
clean"""
"""Yosys commands for the netlist of an ECP5.

A wire is read if it is an input of some cell, or an output of the design; a CCU2C is a chain's last
one if its COUT is no such wire. The first one is only cut where the carry into it means nothing:
where `pmgd.gateware.primitives.carry_ccu2c` says so.
"""

CUT_CARRIES_MAP = """\
(* techmap_celltype = "CCU2C" *)
module cut_carries (
	input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
	output S0, S1, COUT
);
	parameter [15:0] INIT0 = 0;
	parameter [15:0] INIT1 = 0;
	parameter INJECT1_0 = "YES";
	parameter INJECT1_1 = "YES";
	parameter FIRST = 0;
	parameter LAST = 0;
	wire _TECHMAP_FAIL_ = !FIRST && !LAST;
	// To nextpnr, a pin at x is not connected; one that is left out ends it with a trap.
	generate if (LAST)
		CCU2C #(
			.INIT0(INIT0), .INIT1(INIT1), .INJECT1_0(INJECT1_0), .INJECT1_1(INJECT1_1)
		) _TECHMAP_REPLACE_ (
			.CIN(FIRST ? 1'bx : CIN), .A0(A0), .B0(B0), .C0(C0), .D0(D0),
			.A1(A1), .B1(B1), .C1(C1), .D1(D1), .S0(S0), .S1(S1), .COUT(1'bx)
		);
	else
		CCU2C #(
			.INIT0(INIT0), .INIT1(INIT1), .INJECT1_0(INJECT1_0), .INJECT1_1(INJECT1_1)
		) _TECHMAP_REPLACE_ (
			.CIN(FIRST ? 1'bx : CIN), .A0(A0), .B0(B0), .C0(C0), .D0(D0),
			.A1(A1), .B1(B1), .C1(C1), .D1(D1), .S0(S0), .S1(S1), .COUT(COUT)
		);
	endgenerate
endmodule
"""
"""Contents of `CUT_CARRIES_FILE`."""
