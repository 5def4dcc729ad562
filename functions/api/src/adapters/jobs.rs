//! Jobs, in the table.

use crate::ports::{Failed, JobRecords, ListFailed};
use async_trait::async_trait;
use spacehook_domain::ids::SubscriptionKey;
use spacehook_domain::job::{Job, JobKey};
use spacehook_store::{JobMade, Page, PageRequest, Saved, Store};

#[async_trait]
impl JobRecords for Store {
    async fn create_job(&self, job: &Job) -> Result<JobMade, Failed> {
        Ok(self.create_job(job).await?)
    }

    async fn job(&self, key: &JobKey) -> Result<Option<Job>, Failed> {
        Ok(self.job(key).await?)
    }

    async fn list_jobs(&self, of: &SubscriptionKey, page: PageRequest) -> Result<Page<Job>, ListFailed> {
        Ok(self.list_jobs(of, page).await?)
    }

    async fn save_job(&self, read: &Job, new: &Job) -> Result<Saved, Failed> {
        Ok(self.save_job(read, new).await?)
    }
}
