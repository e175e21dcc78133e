// SPDX-License-Identifier: Apache-2.0

/// The commands that are known, but `if`, `elsif`, `else` and `require`.
enum CommandWord: String, CaseIterable, Sendable {
    case stop, keep, discard, redirect, fileinto, reject, ereject
    case set, setflag, addflag, removeflag, vacation, addheader, deleteheader
    case error, include, global, notify, extracttext
    case leaveLoop = "break"
    case leave = "return"
}

/// The tests that are known, but `allof`, `anyof`, `not`, `true` and `false`.
enum TestWord: String, CaseIterable, Sendable {
    case address, envelope, exists, header, size, string, hasflag, body
    case mailboxexists, mailboxidexists
    case specialUseExists = "specialuse_exists"
    case date, currentdate, duplicate, ihave, environment, spamtest, virustest
    case metadata, metadataexists, servermetadata, servermetadataexists
    case validNotifyMethod = "valid_notify_method"
    case notifyMethodCapability = "notify_method_capability"
    case validExternalList = "valid_ext_list"
}
