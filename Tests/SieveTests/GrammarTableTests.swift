// SPDX-License-Identifier: Apache-2.0

import Sieve
import Testing

private func scripts(_ table: String) -> [String] {
    table.split(separator: "\n").map { String($0).replacing("⏎", with: "\n") }
}

/// A script in each line; `⏎` stands for the end of a line within it.
@Suite(
    "RFC 5228 §8 and the extensions: a table of scripts that are valid, and of those that are not")
struct GrammarTableTests {
    private static func errors(_ script: String) -> [Diagnostic] {
        do throws(InvalidScript) {
            _ = try Script(Array(script.utf8))
            return []
        } catch {
            return error.errors
        }
    }

    @Test("These are valid", arguments: scripts(validScripts))
    func valid(script: String) {
        #expect(Self.errors(script) == [])
    }

    @Test("These are not", arguments: scripts(invalidScripts))
    func invalid(script: String) {
        #expect(!Self.errors(script).isEmpty)
    }
}

private let validScripts = #"""
    require "foreverypart"; foreverypart { break; } foreverypart :name "a" { foreverypart { break :name "a"; } }
    require ["foreverypart", "extracttext", "variables"]; foreverypart { extracttext :first 10 :lower :length "a"; }
    require "mime"; if anyof (header :mime :anychild :type "a" "b", exists :anychild :mime "a", address :mime "content-from" "b") {}
    require "mime"; if header :mime :param ["a", "b"] :contains "Content-Type" "x" {}
    require "ihave"; if ihave "foreverypart" { foreverypart { break; } }
    require ["foreverypart"]; foreverypart { foreverypart { foreverypart { foreverypart { keep; } } } }
    require "enotify"; notify "mailto:a@b.example"; notify :importance "3" :message "x" "mailto:a@b.example?subject=x";
    require ["enotify", "variables"]; set :encodeurl "a" "b"; notify :from "${x}" :importance "${y}" "${a}";
    require ["enotify", "fcc", "mailbox"]; notify :fcc "Sent" :create :options ["a=b", "c.d-e_f="] "mailto:a@b.example";
    require "enotify"; if anyof (valid_notify_method ["mailto:", "x"], notify_method_capability :contains "" "x" "y") {}
    require "ihave"; if ihave "enotify" { notify "mailto:a@b.example"; }
    require "mboxmetadata"; if anyof (metadata :matches "a" "/b" ["c"], metadataexists "a" ["/b"]) {}
    require "servermetadata"; if anyof (servermetadata :is "/b" "c", servermetadataexists "/b") {}
    require ["extlists", "envelope", "variables"]; if anyof (header :list "a" "b", address :list :domain "from" "b", envelope :list "from" "b", string :list "a" "b") {}
    require ["extlists", "copy"]; redirect :list :copy "tag:x"; if valid_ext_list "x" {}
    require "regex"; if header :regex "subject" ["^a(b|c)+$", "\\."] { keep; }
    require ["regex", "variables"]; if header :regex "subject" "${x}(" { keep; }
    require ["regex", "variables"]; set :lower :quoteregex "a" "b";
    require ["regex", "editheader"]; deleteheader :regex "X-A" "[a-z]"; deleteheader :regex "X-A";
    require ["regex", "body", "subaddress"]; if anyof (body :raw :regex "a", address :regex :detail "to" "a") {}
    require "variables"; set "a" "${32} ${001} ${} ${-}";
    require ["include", "variables"]; set "global.a" "b"; global ["c", "d"];
    require ["include", "variables", "imap4flags"]; addflag "global.a" "b";
    require ["fileinto", "special-use", "variables"]; fileinto :specialuse "\\Sent" "a"; fileinto :specialuse "${u}" "a";
    require ["comparator-i;octet", "comparator-i;ascii-casemap"]; keep;
    if size :over 2147483647 { keep; }
    if size :over 0 { keep; } elsif size :under 4G {}
    if header ["a", "b"] ["c", "d"] {}
    if header "" "" {}
    if exists "not a name:" {}
    if header "a b" "c" {}
    if allof(true) {}
    iF TRUE { KeEp; } ElSe { diSCard; }
    if header :IS "a" "b" {}
    REQUIRE "fileinto"; FILEINTO "a";
    if /* a */ true # b⏎ { /**/ }
    #
    /**/
    keep ;⏎	discard⏎;
    if true{keep;}stop;
    require "reject"; reject TEXT:⏎.⏎;
    require "reject"; reject text:	 ⏎.a⏎..⏎.⏎⏎;
    require "ereject"; ereject "";
    redirect "<a@b.example>";
    redirect "\"a b\"@c.example";
    redirect "a@[192.0.2.1]";
    require "variables"; redirect "${to}";
    require "copy"; redirect :copy "a@b.example";
    require "vacation"; vacation text:⏎Away.⏎.⏎;
    require "vacation"; vacation :days 0 "x";
    require "vacation"; vacation :from "Anna <a@b.example>" "x";
    require ["vacation", "vacation-seconds"]; vacation :seconds 0 "x";
    require ["vacation", "fcc", "special-use", "imap4flags"]; vacation :fcc "a" :specialuse "\\Sent" :flags ["\\Seen"] "x";
    require ["date", "relational"]; if currentdate :value "GE" "date" "2026-01-01" {}
    require "date"; if date :originalzone "received" "std11" "x" {}
    require "index"; if address :index 1 :last :all "from" "a@b" {}
    require ["date", "index"]; if date :index 1 "received" "ISO8601" "x" {}
    require "duplicate"; if duplicate {} if duplicate :seconds 0 :uniqueid "x" {}
    require "imap4flags"; setflag "";
    require "imap4flags"; if hasflag :contains ["a", "b"] {}
    require ["imap4flags", "relational"]; if hasflag :count "ge" "2" {}
    require ["spamtest", "relational", "comparator-i;ascii-numeric"]; if spamtest :value "ge" :comparator "i;ascii-numeric" "3" {}
    require "mailbox"; if mailboxexists "INBOX" {}
    require "mailboxid"; require "fileinto"; fileinto :mailboxid "x" "a";
    require "body"; if body :content "text" "a" {}
    require "body"; if body ["a"] {}
    require "include"; include :global :optional :once "a"; return;
    require "environment"; if environment :contains "vnd.x.y" "" {}
    require "envelope"; if envelope ["from", "TO"] ["", "a"] {}
    require "ihave"; if ihave ["fileinto", "nosuch"] { fileinto :nosuch 1 "a"; }
    require "ihave"; if ihave "x" { if y :z ["a"] "b" {} } else { w; }
    """#

private let invalidScripts = #"""
    foreverypart { keep; }
    require "foreverypart"; foreverypart;
    require "foreverypart"; foreverypart "a" { keep; }
    require "foreverypart"; foreverypart true { keep; }
    require "foreverypart"; foreverypart :name { keep; }
    require "foreverypart"; break;
    require "foreverypart"; foreverypart { keep; } break;
    require "foreverypart"; foreverypart :name "a" { break :name "b"; }
    require "foreverypart"; foreverypart { break { keep; } }
    require "foreverypart"; foreverypart { foreverypart { foreverypart { foreverypart { foreverypart { keep; } } } } }
    require ["extracttext", "variables"]; extracttext "a";
    require ["extracttext", "foreverypart"]; foreverypart { extracttext "a"; }
    require ["extracttext", "foreverypart", "variables"]; foreverypart { extracttext "a b"; }
    if header :mime "a" "b" {}
    require "mime"; if header :anychild "a" "b" {}
    require "mime"; if header :type "a" "b" {}
    require "mime"; if header :mime :type :subtype "a" "b" {}
    require "mime"; if header :mime :param "a" "b" {}
    require "mime"; if exists :mime :type "a" {}
    require "mime"; if exists :anychild "a" {}
    notify "mailto:a@b.example";
    require "enotify"; notify "tel:1";
    require "enotify"; notify "mailto:a";
    require "enotify"; notify ["mailto:a@b.example"];
    require "enotify"; notify :importance "4" "mailto:a@b.example";
    require "enotify"; notify :importance 1 "mailto:a@b.example";
    require "enotify"; notify :options "=x" "mailto:a@b.example";
    require "enotify"; notify :options "x" "mailto:a@b.example";
    require ["enotify", "mailbox"]; notify :create "mailto:a@b.example";
    require "variables"; set :encodeurl "a" "b";
    require ["enotify", "variables"]; set :encodeurl :encodeurl "a" "b";
    if valid_notify_method "mailto:a@b.example" {}
    require "mboxmetadata"; if metadata "a" "b" {}
    require "mboxmetadata"; if servermetadata "a" "b" {}
    require "servermetadata"; if metadataexists "a" "b" {}
    require "extlists"; if header :list :comparator "i;octet" "a" "b" {}
    require "extlists"; if header :list :is "a" "b" {}
    require ["extlists", "body"]; if body :list "b" {}
    require ["extlists", "date"]; if currentdate :list "date" "b" {}
    if header :list "a" "b" {}
    redirect :list "b";
    if header :regex "a" "b" {}
    require "regex"; if header :regex "a" "(b" {}
    require "regex"; if header :regex "a" ["b", "*"] {}
    require "regex"; if header :regex :contains "a" "b" {}
    require ["regex", "comparator-i;ascii-numeric"]; if header :regex :comparator "i;ascii-numeric" "a" "b" {}
    require "variables"; set :quoteregex "a" "b";
    require ["variables", "regex"]; set :quoteregex :quotewildcard "a" "b";
    require "variables"; set "a" "${33}";
    require "variables"; set "a" "${99999999999999999999}";
    require ["include", "variables"]; global "global.a";
    require ["include", "variables"]; global "1";
    require ["include", "variables"]; global "${a}";
    require "variables"; set "global.a" "b";
    require ["fileinto", "special-use"]; fileinto :specialuse "Junk" "a";
    require ["fileinto", "special-use"]; fileinto :specialuse "\\" "a";
    require ["fileinto", "special-use"]; fileinto :specialuse "\\a b" "a";
    require "comparator-i;unknown";
    require "";
    require ["fileinto", 1];
    require "FILEINTO";
    require "fileinto" {}
    require "fileinto"
    # a⏎keep # b⏎
    keep ⏎⏎;⏎/* ⏎⏎
    require "reject"; reject text:⏎a⏎.;
    require "reject"; reject text: a⏎.⏎;
    if true {⏎keep;⏎
    if header "a" ["b", ] {}
    if header "a" ["b", ["c"]] {}
    if header "a" [] {}
    if header "a" [1] {}
    if header "a" [:is] {}
    if header "a" "b" keep;
    if header "a", "b" {}
    if header :is :is "a" "b" {}
    if header: is "a" "b" {}
    if header :comparator "i;octet" :comparator "i;octet" "a" "b" {}
    if header :comparator ["i;octet"] "a" "b" {}
    if header :all "a" "b" {}
    if address :is :over "from" "b" {}
    if address {}
    if address "from" {}
    if address :all :all "from" "b" {}
    if exists "a" "b" {}
    if exists :is "a" {}
    if exists 1 {}
    if size 100 :over {}
    if size :over 100 200 {}
    if size :over 100 K {}
    if size :is 100 {}
    if size :over 1T {}
    if size :over 0x10 {}
    if allof true, true {}
    if allof (true), (true) {}
    if anyof (keep) {}
    if allof {}
    if anyof "a" (true) {}
    if not not {}
    if true; {}
    if {}
    if
    elsif true {}
    if true {} elsif {}
    if true {} else
    if false {} else keep;
    { keep; }
    keep; { stop; }
    keep :is;
    keep []
    discard :copy;
    stop 1;
    stop {}
    redirect;
    redirect 1;
    redirect "a@b.example" "c@d.example";
    redirect ["a@b.example", "c@d.example"];
    redirect :copy "a@b.example";
    redirect "@b.example";
    redirect "a@";
    redirect "a@b@c";
    redirect "a b@c.example";
    redirect "a@b..example";
    redirect "Anna a@b.example";
    redirect "<a@b.example";
    reject "a";
    ereject "a";
    require "reject"; ereject "a";
    require "reject"; reject;
    require "reject"; reject ["a", "b"];
    require "reject"; reject :x "a";
    require "fileinto"; fileinto :flags "a" "b";
    require "fileinto"; fileinto :mailboxid "a" "b";
    require ["fileinto", "mailbox"]; fileinto :create :create "a";
    require "imap4flags"; addflag;
    require "imap4flags"; addflag 1;
    require ["imap4flags", "variables"]; addflag "a" "b" "c";
    require ["imap4flags", "variables"]; addflag ["a"] "b";
    require ["imap4flags", "variables"]; addflag "1a" "b";
    require "imap4flags"; if hasflag {}
    if hasflag "a" {}
    require "imap4flags"; if hasflag "v" "a" {}
    addflag "a";
    if string "a" "b" {}
    require "variables"; if string "a" {}
    require "variables"; set "a";
    require "variables"; set ["a"] "b";
    require "variables"; set "" "b";
    require "variables"; set 1 "b";
    require "variables"; set :length :length "a" "b";
    require "variables"; set :lowerfirst :upperfirst "a" "b";
    require "variables"; set "ä" "b";
    vacation "a";
    require "vacation"; vacation ["a"];
    require "vacation"; vacation :days 1 :days 2 "a";
    require "vacation"; vacation "a" :days 1;
    require "vacation"; vacation :days;
    require "vacation"; vacation :addresses 1 "a";
    require "vacation"; vacation :subject ["a", "b"] "c";
    require "vacation"; vacation :mime :mime "a";
    require "vacation"; vacation :nosuch "a";
    require "vacation"; vacation :from "" "a";
    require ["fileinto", "fcc"]; fileinto :fcc "a" "b";
    require ["vacation", "fcc"]; vacation :fcc "a" :create "b";
    if date "date" "hour" "1" {}
    if currentdate "hour" "1" {}
    require "date"; if date "date" "hour" {}
    require "date"; if date ["date", "received"] "hour" "1" {}
    require "date"; if date "date" ["hour"] "1" {}
    require "date"; if date :index 1 "date" "hour" "1" {}
    require "date"; if currentdate :zone "0100" "hour" "1" {}
    require "date"; if currentdate :zone "CEST" "hour" "1" {}
    require ["date", "index"]; if currentdate :index 1 "hour" "1" {}
    require "index"; if header :index 0 "a" "b" {}
    require "index"; if header :index "1" "a" "b" {}
    require "index"; if header :index :last "a" "b" {}
    require "index"; if exists :index 1 "a" {}
    require ["index", "envelope"]; if envelope :index 1 "to" "b" {}
    addheader "a" "b";
    require "editheader"; addheader "a";
    require "editheader"; addheader "a b" "c";
    require "editheader"; addheader "" "c";
    require "editheader"; addheader "ä" "c";
    require "editheader"; addheader ["a"] "c";
    require "editheader"; addheader :first "a" "c";
    require "editheader"; deleteheader :index 0 "a";
    require "editheader"; deleteheader "a:";
    require "editheader"; deleteheader ["a", "b"];
    require "editheader"; deleteheader :is :contains "a" "b";
    if duplicate {}
    require "duplicate"; if duplicate :seconds "1" {}
    require "duplicate"; if duplicate :handle {}
    require "duplicate"; duplicate;
    require "duplicate"; if duplicate :days 1 {}
    if mailboxexists "a" {}
    require "mailbox"; if mailboxexists {}
    if specialuse_exists "a" {}
    if mailboxidexists "a" {}
    if environment "name" "a" {}
    require "environment"; if environment "name" {}
    require "environment"; if environment ["a", "b"] "c" {}
    if body "a" {}
    require "body"; if body :raw {}
    require "body"; if body "a" "b" {}
    require "body"; if body :content {}
    require "body"; if body :text :content "a" "b" {}
    if spamtest "1" {}
    require "spamtest"; if spamtest {}
    require "spamtest"; if spamtest ["1", "2"] {}
    if virustest "1" {}
    require "virustest"; if virustest :percent "1" {}
    require "relational"; if header :value "a" "b" {}
    require "relational"; if header :value "gt" :count "gt" "a" "b" {}
    require "relational"; if header :value ["gt"] "a" "b" {}
    require "include"; include ["a"];
    require "include"; include "";
    require "include"; include :nosuch "a";
    require "include"; return 1;
    require "include"; include :once :once "a";
    global "a";
    require "ihave"; error;
    require "ihave"; ihave "a";
    require "ihave"; if ihave 1 {}
    require ["ihave", "nosuch"];
    require "envelope"; if envelope {}
    require "envelope"; if envelope "to" {}
    require "envelope"; if envelope "auth" "a" {}
    require "envelope"; if envelope :user "to" "a" {}
    require "subaddress"; if header :user "to" "a" {}
    require "subaddress"; if address :user :detail "to" "a" {}
    """#
