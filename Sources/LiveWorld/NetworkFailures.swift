// SPDX-License-Identifier: Apache-2.0

import Bytes
import Glibc
import NIOCore
import NIOSSL
import World

extension NetworkFailure {
    /// An error of the network library in the words of `NetworkFailure`; `address` is what was
    /// listened on or connected to.
    init(_ error: any Error, at address: Bytes.SocketAddress) {
        switch error {
        case let failure as NetworkFailure: self = failure
        case let error as IOError: self.init(errno: error.errnoCode, at: address)
        case ChannelError.connectTimeout: self = .deadlinePassed
        case is CancellationError: self = .cancelled
        case let error as ChannelError where error == .ioOnClosedChannel || error == .eof:
            self = .disconnected
        default: self = .system("\(error)")
        }
    }

    private init(errno code: CInt, at address: Bytes.SocketAddress) {
        switch code {
        case ECONNREFUSED: self = .refused
        case ETIMEDOUT: self = .deadlinePassed
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL:
            self = .unreachable(String(cString: strerror(code)))
        case EADDRINUSE: self = .addressInUse(address)
        case EACCES, EPERM: self = .notPermitted(address)
        case ECONNRESET, EPIPE, ECONNABORTED, ENOTCONN: self = .disconnected
        default: self = .system(String(cString: strerror(code)))
        }
    }

    /// The reason of a failed handshake, out of the TLS library's words.
    ///
    /// `…OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at /some/file:12` becomes
    /// `certificate verify failed`.
    static func tls(_ error: any Error) -> NetworkFailure {
        if let failure = error as? NetworkFailure { return failure }
        let text = "\(error)"
        if let marker = text.firstRange(of: "OPENSSL_internal:") {
            let reason = text[marker.upperBound...].prefix {
                $0 == "_" || $0.isLetter || $0.isNumber
            }
            return .tls(reason.lowercased().replacing("_", with: " "))
        }
        if text.contains("EOF during handshake") {
            return .tls("the peer closed the connection during the handshake")
        }
        return .tls(text)
    }
}
