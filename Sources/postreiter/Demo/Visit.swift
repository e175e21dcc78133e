// SPDX-License-Identifier: Apache-2.0

import Mail

/// What a person needs to know to try a mail program against the demo that was left running.
struct Visit {
    let world: DemoWorld

    func invite() {
        let story = world.story
        let ports = world.ports
        story.opening(
            "\nEverything goes on running until Ctrl-C. User names are the addresses.\n",
            "\nAlles läuft weiter bis Strg-C. Benutzernamen sind die Adressen.\n")
        let heading =
            story.language == .german
            ? ["ADRESSE", "KENNWORT", "SERVER"] : ["ADDRESS", "PASSWORD", "SERVER"]
        Output.table(
            [heading]
                + world.people.map { ["\($0.address)", $0.password, $0.host.address] })
        Output.line("")
        Output.table([
            [story.choose("SERVICE", "DIENST"), "PORT"],
            ["SMTP", "\(ports.smtp)"],
            ["Submission, STARTTLS", "\(ports.submission)"],
            ["Submission, TLS", "\(ports.submissions)"],
            ["POP3, STLS", "\(ports.pop3)"], ["POP3, TLS", "\(ports.pop3s)"],
            ["DNS", "\(DemoPlan.names.address):\(ports.dns)"],
        ])
        let (anna, ben) = (world.anna, world.ben)
        let certificates = world.folder.path + "/certificates.pem"
        story.opening(
            "\nThe certificates to trust are in \(certificates). For example:",
            "\nDie Zertifikate, denen zu trauen ist, stehen in \(certificates). Zum Beispiel:")
        Output.line(
            """
              swaks --server \(anna.host.address):\(ports.submission) --tls --from \(anna.address) \
            --to \(ben.address) --auth-user \(anna.address) --auth-password \(anna.password)
              curl --cacert \(certificates) --user \(ben.address):\(ben.password) \
            pop3s://\(ben.host.address):\(ports.pop3s)/1
              dig @\(DemoPlan.names.address) -p \(ports.dns) iris.example MX
            """)
    }
}
