// SPDX-License-Identifier: Apache-2.0

#if FUZZ
/// What libFuzzer calls with each input.
package typealias Test = @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ test: Test
) -> CInt

/// Hands the program over to libFuzzer, which reads the command line.
package func fuzz(_ test: Test) {
    var count = CommandLine.argc
    var arguments = CommandLine.unsafeArgv
    _ = runDriver(&count, &arguments, test)
}
#endif
