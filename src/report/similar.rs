//! Findings that are one bug for whoever mends it: forks at different places while the same lock, taken at the same place, was
//! held.

use std::collections::HashMap;

use super::finding::Finding;

/// The findings by position, those alike together behind the worst of them; the order is otherwise kept.
pub fn together(findings: &[Finding]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (position, finding) in findings.iter().enumerate() {
        let Some(locks) = locks(finding) else {
            groups.push(vec![position]);
            continue;
        };
        let group = *known.entry(locks).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(position);
    }
    groups
}

/// Which locks were held and where they had been taken; `None` for a finding without a lock whose stack is known.
fn locks(finding: &Finding) -> Option<String> {
    let fork = finding.example.unsafe_fork()?;
    let mut sites: Vec<String> = fork
        .locks
        .iter()
        .filter(|lock| !lock.acquired_stack.is_empty())
        .map(|lock| {
            let mut site = format!("{:?} {:?}", lock.kind, lock.name);
            for frame in &lock.acquired_stack {
                // A program that was built anew, or a symbol alone, is another place only if its name is.
                site.push_str(&format!(
                    " {:?} {:?}",
                    frame.build_id,
                    frame.offset.as_ref().or(frame.symbol.as_ref())
                ));
            }
            site
        })
        .collect();
    sites.sort();
    sites.dedup();
    (!sites.is_empty()).then(|| sites.join(";"))
}
