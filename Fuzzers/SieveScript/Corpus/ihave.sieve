require ["ihave", "include", "variables", "environment", "spamtestplus", "virustest", "special-use", "mailboxid", "fileinto"];
global ["a", "b"];
if ihave ["nosuch", "fileinto"] { nosuch :tag "x" { keep; } } else { include :optional :once :global "other"; }
if environment :contains "name" "" { error "out"; }
if spamtest :percent :value "gt" "5" { keep; }
if specialuse_exists "\\Junk" { fileinto :specialuse "\\Junk" :mailboxid "m1" "J"; }
return;
