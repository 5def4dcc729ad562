use super::{Fake, page};
use async_trait::async_trait;
use spacehook_api::ports::{Failed, JobRecords, ListFailed};
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::job::{Job, JobKey, UNFINISHED_MOST};
use spacehook_store::{JobMade, Page, PageRequest, Saved};

#[async_trait]
impl JobRecords for Fake {
    async fn create_job(&self, job: &Job) -> Result<JobMade, Failed> {
        self.perform("job.create", |contents| {
            let of = |one: &&Job| one.key.subscription == job.key.subscription && !one.state.is_finished();
            if contents.jobs.values().filter(of).count() >= UNFINISHED_MOST {
                return JobMade::TooMany;
            }
            contents.jobs.insert(job.key.clone(), job.clone());
            JobMade::Yes
        })
    }

    async fn job(&self, key: &JobKey) -> Result<Option<Job>, Failed> {
        self.perform("job.get", |contents| contents.jobs.get(key).cloned())
    }

    async fn list_jobs(&self, of: &SubscriptionKey, request: PageRequest) -> Result<Page<Job>, ListFailed> {
        let all: Vec<Job> = self.perform("job.list", |contents| {
            contents.jobs.values().rev().filter(|job| job.key.subscription == *of).cloned().collect()
        })?;
        page(&all, &request).ok_or(ListFailed::InvalidCursor)
    }

    async fn save_job(&self, read: &Job, new: &Job) -> Result<Saved, Failed> {
        self.perform("job.save", |contents| {
            if contents.stepping > 0 {
                contents.stepping -= 1;
                contents.jobs.values_mut().for_each(|job| job.version += 1);
            }
            if contents.jobs.get(&read.key).is_none_or(|stored| stored.version != read.version) {
                return Saved::Conflict;
            }
            contents.jobs.insert(new.key.clone(), new.clone());
            Saved::Yes
        })
    }
}
