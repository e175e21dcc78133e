// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Mail
import World

/// `account app-password`: passwords of devices.
extension DirectoryCommands {
    func addAppPassword(_ arguments: Arguments) async throws -> JSON {
        var services: Set<LoginService> = []
        for item in arguments.json["services"]?.array ?? [] {
            guard let service = item.string.flatMap(LoginService.init(rawValue:)) else {
                throw ControlFailure.data(
                    "`\(item.string ?? "")` is none of imap, pop3, smtp and managesieve")
            }
            services.insert(service)
        }
        let name = try arguments.text("name")
        let password = try await registry.addAppPassword(
            name, for: services, of: arguments.address("address"), by: author)
        return ["name": .string(name), "password": .string(password)]
    }

    func listAppPasswords(_ arguments: Arguments) async throws -> JSON {
        let known = try await registry.appPasswords(of: arguments.address("address"))
        return [
            "passwords": .array(
                known.map { password in
                    [
                        "name": .string(password.name),
                        "services": JSON(password.services.map(\.rawValue).sorted()),
                        "created": .string(CalendarDate(password.created).internetFormat),
                        "last_used": JSON(
                            password.lastUse.map { CalendarDate($0.time).internetFormat }),
                        "last_service": JSON(password.lastUse?.service?.rawValue),
                        "last_peer": JSON(password.lastUse?.peer?.description),
                    ]
                })
        ]
    }
}
